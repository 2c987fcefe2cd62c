# SPDX-License-Identifier: Apache-2.0
# unit: each selftests/unit/test_<module>.c becomes a program of its own, with ASan and UBSan. It is
# linked against archives of the library and of the programs' modules, so it takes what it calls.

UNIT_SRC   := $(wildcard selftests/unit/test_*.c)
UNIT_TESTS := $(patsubst selftests/unit/%.c,$(B)/asan/%,$(UNIT_SRC))
CHECK_unit := $(UNIT_TESTS) $(B)/clang/all

ALL_SRC  := $(LIB_SRC) $(AGENT_SRC) $(CLI_SRC) $(LAUNCHER_SRC)
MAIN_SRC := $(shell grep -lw 'int main' $(ALL_SRC) /dev/null)
PART_SRC := $(filter-out $(MAIN_SRC),$(ALL_SRC))
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LIBS_ALL := -Wl,--as-needed $(LIBS_agent) $(LIBS_cli) $(LIBS_launcher) $(LIBS_COMMON)

$(B)/asan/%.o: %.c Makefile | $(SKELETONS)
	$(call say,CC+ASAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE) $(SANITIZE) $(CFLAGS_PKG) -c -o $@ $<

$(B)/asan/agent/sandbox/cni_conf.o: deploy/cni/beeline.conflist

$(B)/asan/parts.a: $(patsubst %.c,$(B)/asan/%.o,$(PART_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/asan/test_%: $(B)/asan/selftests/unit/test_%.o $(B)/asan/parts.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(LIBS_ALL) -lcmocka

# The second compiler: everything compiles without a warning there too.
$(B)/clang/%.o: %.c Makefile | $(SKELETONS)
	$(call say,CLANG,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BASE) -O0 $(CFLAGS_PKG) -c -o $@ $<

$(B)/clang/agent/sandbox/cni_conf.o: deploy/cni/beeline.conflist

$(B)/clang/all: $(patsubst %.c,$(B)/clang/%.o,$(ALL_SRC) $(UNIT_SRC))
	$(Q)touch $@
