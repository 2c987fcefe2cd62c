# SPDX-License-Identifier: Apache-2.0
# Tier net: programs against real namespaces and devices. Needs root.

NET_TESTS := $(patsubst selftests/net/%.c,$(B)/selftests/net/%,$(wildcard selftests/net/test_*.c))
CHECK_net := $(NET_TESTS) $(B)/kernels/wire

# The agent's rooms without its main, for tests that call one of them.
$(B)/selftests/agent.a: $(call obj,$(filter-out agent/main.c,$(AGENT_SRC)))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(NET_TESTS): $(B)/selftests/net/%: $(B)/selftests/net/%.o $(B)/selftests/agent.a $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_agent) $(LIBS_COMMON) -lcmocka
