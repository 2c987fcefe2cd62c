# SPDX-License-Identifier: Apache-2.0
# kernels: Debian's 6.1 in QEMU, started directly with everything in memory.

KERNELS_FILES := $(addprefix selftests/kernels/,init drivers forward lease)
CHECK_kernels := $(B)/kernels/initrd

$(B)/kernels/packages: selftests/kernels/packages guest/fetch.sh
	$(call say,FETCH,$@)
	$(Q)guest/fetch.sh $@ $$(grep -v '^#' $<)

$(B)/kernels/wire: selftests/kernels/wire.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE) $(CFLAGS) -static -o $@ $<

$(B)/kernels/initrd: $(B)/kernels/packages $(B)/kernels/wire $(B)/beeline $(B)/beeline-agent \
                     $(B)/older/beeline-agent \
                     selftests/kernels/initrd.sh guest/modules.sh $(KERNELS_FILES)
	$(call say,INITRD,$@)
	$(Q)selftests/kernels/initrd.sh $(B) $@
