# SPDX-License-Identifier: Apache-2.0
# Tier net: programs against real namespaces and devices. Needs root.

NET_TESTS := $(patsubst selftests/net/%.c,$(B)/selftests/net/%,$(wildcard selftests/net/test_*.c))
CHECK_net := $(NET_TESTS) $(B)/kernels/wire $(B)/older/beeline-agent $(B)/newer/beeline-agent \
             $(B)/selftests/net/slow.so $(B)/prometheus

# The agent's rooms without its main, for tests that call one of them.
$(B)/selftests/agent.a: $(call obj,$(filter-out agent/main.c,$(AGENT_SRC)))
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(NET_TESTS): $(B)/selftests/net/%: $(B)/selftests/net/%.o $(B)/selftests/agent.a $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_agent) $(LIBS_COMMON) -lcmocka

# Agents of the release before and of a later one, with other layouts: see the script.
$(B)/older/beeline-agent $(B)/newer/beeline-agent: $(B)/%/beeline-agent: \
		selftests/net/release.sh Makefile $(AGENT_SRC) $(LIB_SRC) \
		$(wildcard bpf/* headers/* include/beeline/* agent/*.h agent/*/*.h lib/*.h lib/*/*.h)
	$(call say,RELEASE,$@)
	$(Q)selftests/net/release.sh $* $(@D)/src
	$(Q)$(MAKE) -s -C $(@D)/src B=build CFLAGS=-O0 build/beeline-agent >/dev/null
	$(Q)cp $(@D)/src/build/beeline-agent $@

$(B)/selftests/net/slow.so: selftests/net/slow.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE) $(CFLAGS) -shared -fPIC -o $@ $<

# promtool, which holds the metrics to Prometheus's conventions, and prometheus, which draws the picture of
# the dashboard. Not installed: that would start a server.
$(B)/prometheus: guest/fetch.sh
	$(call say,FETCH,$@)
	$(Q)guest/fetch.sh $@ prometheus
