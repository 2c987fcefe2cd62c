# SPDX-License-Identifier: Apache-2.0
# bench: one program that measures all variants in turn; in check a small form of it.

BENCH_SRC   := $(wildcard selftests/bench/*.c)
CHECK_bench := $(B)/selftests/bench/bench

$(B)/selftests/bench/bench: $(call obj,$(BENCH_SRC)) $(B)/agent/cli/client.o $(B)/selftests/agent.a \
                            $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_agent) $(LIBS_COMMON)

.PHONY: bench
bench: deps ## Measure the eBPF line against bridge, NAT and tc mirred; rows in build/bench.json
	$(Q)$(SUBMAKE) check-parts T=bench
	$(Q)$(B)/selftests/bench/bench --agent $(B)/beeline-agent --json $(B)/bench.json

# The policy engine alone, without a kernel.
$(B)/selftests/bench/policy_scale: $(B)/selftests/bench/policy/main.o $(B)/selftests/bench/population.o \
                                   $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_COMMON)
