# SPDX-License-Identifier: Apache-2.0
# bpf: the programs by packet in and verdict out. What the policy engine compiles comes from here.

CHECK_bpf := $(B)/selftests/bpf/policy_cases

$(B)/selftests/bpf/policy_cases: $(B)/selftests/bpf/policy_cases.o $(B)/lib/yaml.o $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_cli) $(LIBS_COMMON) -lcmocka
