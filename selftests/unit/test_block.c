// SPDX-License-Identifier: Apache-2.0
/* Blocks of addresses: each agent its own, and the same one again after a restart. */
#include "unit.h"

#include <errno.h>

#include "../../agent/sandbox/block.h"
#include "../../agent/sandbox/cni.h"

/* High ones, which nothing on this machine has chosen from its hash but by accident. */
#define PREFERRED 40

struct claim {
	uint32_t block;
	int fd;
};

static struct claim claim_for(const char *state_dir)
{
	struct bl_err err = BL_ERR_INIT;
	struct claim claim;

	if (block_claim(state_dir, PREFERRED, &claim.block, &claim.fd, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(claim.block < CNI_BLOCKS);
	return claim;
}

static void test_two_agents_have_two_blocks(void **state)
{
	char *first_dir = unit_dir(), *second_dir = unit_dir();
	struct claim first = claim_for(first_dir), second = claim_for(second_dir);

	assert_int_not_equal(first.block, second.block);
	close(first.fd);
	close(second.fd);
	unit_dir_remove(first_dir);
	unit_dir_remove(second_dir);
}

/* Also when a later one had the choice in between. */
static void test_an_agent_finds_its_block_again(void **state)
{
	char *dir = unit_dir(), *other_dir = unit_dir();
	struct claim before = claim_for(dir), other, after;

	close(before.fd);
	other = claim_for(other_dir);
	after = claim_for(dir);
	assert_int_equal(after.block, before.block);
	if (after.fd >= 0)
		close(after.fd);
	close(other.fd);
	unit_dir_remove(dir);
	unit_dir_remove(other_dir);
}

static void test_nonsense_is_no_choice(void **state)
{
	static const char *const texts[] = {"", "x\n", "64\n", "-1\n", "7"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *dir = unit_dir();
		bl_autofree char *path = bl_format("%s/block", dir);
		struct claim claim;

		assert_int_equal(bl_file_write(path, texts[i], strlen(texts[i]), 0600, NULL), 0);
		claim = claim_for(dir);
		assert_int_not_equal(claim.fd, -1);
		close(claim.fd);
		unit_dir_remove(dir);
	}
}

static void test_when_all_are_taken(void **state)
{
	struct claim claims[CNI_BLOCKS];
	char *dirs[CNI_BLOCKS], *dir = unit_dir();
	struct bl_err err = BL_ERR_INIT;
	struct claim none;
	size_t n = 0;

	do {
		dirs[n] = unit_dir();
	} while (block_claim(dirs[n], PREFERRED, &claims[n].block, &claims[n].fd, &err) == 0 &&
		 ++n < CNI_BLOCKS);
	assert_fails(block_claim(dir, PREFERRED, &none.block, &none.fd, &err), -EADDRNOTAVAIL,
		     "--cni-conf");
	if (n < CNI_BLOCKS)
		unit_dir_remove(dirs[n]);
	while (n-- > 0) {
		close(claims[n].fd);
		unit_dir_remove(dirs[n]);
	}
	unit_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_agents_have_two_blocks),
		cmocka_unit_test(test_an_agent_finds_its_block_again),
		cmocka_unit_test(test_nonsense_is_no_choice),
		cmocka_unit_test(test_when_all_are_taken),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
