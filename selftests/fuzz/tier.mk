# SPDX-License-Identifier: Apache-2.0
# fuzz: one libFuzzer driver per input that comes from outside. In check a bounded number of runs
# with a fixed seed; `make fuzz` goes on for FUZZ_SECONDS each.

FUZZ_SECONDS ?= 300
FUZZ_SRC     := $(wildcard selftests/fuzz/fuzz_*.c)
FUZZERS      := $(patsubst selftests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
CHECK_fuzz   := $(FUZZERS)
FUZZ_FLAGS   := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                -fno-sanitize-recover=all

$(B)/fuzz/%.o: %.c Makefile
	$(call say,CC+FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BASE) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(CFLAGS_PKG) -c -o $@ $<

$(B)/fuzz/lib.a: $(patsubst %.c,$(B)/fuzz/%.o,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/fuzz/fuzz_%: $(B)/fuzz/selftests/fuzz/fuzz_%.o $(B)/fuzz/lib.a
	$(call say,LD,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		-Wl,--as-needed $(LIBS_cli) $(LIBS_COMMON)

# What the command itself reads and writes.
FUZZ_CLI := filter jsonpath pcapng
$(foreach part,$(FUZZ_CLI),$(eval $(B)/fuzz/fuzz_$(part): $(B)/fuzz/agent/cli/$(part).o))

.PHONY: fuzz
fuzz: deps ## Fuzz every parser for FUZZ_SECONDS (300) each
	$(Q)$(SUBMAKE) check-parts T=fuzz
	$(Q)B=$(B) selftests/fuzz/run $(FUZZ_SECONDS)
