# SPDX-License-Identifier: Apache-2.0
# The demo guest: a disk image made from Debian packages, without root and without a loop device.
# Nothing here knows of Beeline; the image boots under any VMM.

GUEST_ROOTFS := $(shell find guest/rootfs -type f)

.PHONY: guest
guest: $(B)/demo.qcow2 ## Build the demo guest's disk image
	@:

$(B)/guest/packages: guest/packages guest/fetch.sh
	$(call say,FETCH,$@)
	$(Q)guest/fetch.sh $@ $$(grep -v '^#' $<)

$(B)/demo.initrd: $(B)/guest/packages guest/initrd.sh guest/modules.sh guest/drivers \
                  $(GUEST_ROOTFS)
	$(call say,INITRD,$@)
	$(Q)guest/initrd.sh $< $@

$(B)/demo.qcow2: $(B)/guest/packages $(B)/demo.initrd guest/disk.sh
	$(call say,DISK,$@)
	$(Q)guest/disk.sh $< $(B)/demo.initrd $@
