# SPDX-License-Identifier: Apache-2.0
# golden: folders of input and expected output. Each family brings a program that turns one into the
# other (selftests/golden/<family>/<family>.c) and a script `run` beside it.

GOLDEN_SRC   := $(wildcard selftests/golden/*/*.c)
CHECK_golden := $(foreach source,$(GOLDEN_SRC),$(B)/golden/$(basename $(notdir $(source)))) $(B)/prometheus

$(B)/golden/domain: $(B)/selftests/golden/domain/domain.o \
                    $(call obj,$(filter-out launcher/main.c,$(LAUNCHER_SRC))) $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_launcher) $(call pkg,--libs,yaml-0.1) $(LIBS_COMMON)
