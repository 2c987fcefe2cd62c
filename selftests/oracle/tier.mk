# SPDX-License-Identifier: Apache-2.0
# oracle: our policy engine against Cilium's own code, for random policies; `make check T=oracle`, with
# SEED, CASES and ENGINE if others are wanted, and not in CI. Needs Go, which no target installs; the first
# run fetches 0.7 GB of modules and compiles for minutes.

.PHONY: golden-cilium
golden-cilium: all ## Ask Cilium's own code anew for the cases of selftests/golden/cilium
	$(Q)B=$(B) selftests/oracle/run golden
