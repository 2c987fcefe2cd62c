// SPDX-License-Identifier: Apache-2.0
/* The policy engine's part of the benchmark by itself, for who works on the engine. */
#include "../policy_scale.h"

int main(void)
{
	policy_scale(stdout);
	return 0;
}
