# SPDX-License-Identifier: Apache-2.0
# long: what takes minutes and other people's programs; `make check T=long`, and not in CI. Its
# packages are its own: no other target installs them.

LONG_PACKAGES := docker-registry openssl skopeo vncsnapshot
CHECK_long    := $(B)/demo.qcow2 long-deps

.PHONY: long-deps
long-deps:
	$(Q)$(MAKE) --no-print-directory deps DEB_PACKAGES='$(LONG_PACKAGES)' && \
		$(MAKE) --no-print-directory $(B)/long/ipxe.raw || \
		echo '  not all is there; the tests that miss something are skipped by name'

$(B)/long/packages:
	$(call say,FETCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)guest/fetch.sh $@ ipxe

# A system that fits in the 64 MB which three of the manifests give: a boot loader that does DHCP.
$(B)/long/ipxe.raw: $(B)/long/packages selftests/long/ipxe.sh
	$(call say,DISK,$@)
	$(Q)selftests/long/ipxe.sh $< $@
