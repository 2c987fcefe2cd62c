# SPDX-License-Identifier: Apache-2.0
# Beeline: one non-recursive Makefile; everything it makes is below build/. `make help` lists targets.

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V       ?= 0
B       ?= build
T       ?=

# What a bare Debian 12 lacks: to build, to run, to check.
DEB_PACKAGES := \
	gcc libc6-dev linux-libc-dev make pkg-config clang llvm bpftool \
	libbpf-dev libelf-dev zlib1g-dev libnl-3-dev libnl-route-3-dev libmnl-dev libvirt-dev \
	libcjson-dev libyaml-dev libcurl4-openssl-dev libmicrohttpd-dev libarchive-dev libxml2-dev \
	libcap-ng-dev libseccomp-dev nettle-dev libpcap-dev \
	runc containernetworking-plugins iptables nftables iproute2 libvirt-daemon \
	libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils seabios ovmf \
	ca-certificates iputils-ping procps openssh-client \
	cpio dosfstools fdisk mtools syslinux syslinux-common systemd-boot-efi xz-utils zstd \
	clang-format libclang-rt-14-dev libcmocka-dev libxml2-utils python3 python3-scapy python3-yaml \
	python3-prometheus-client curl isc-dhcp-client udhcpc socat tcpdump ethtool zsh

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2))

PACKAGES := libbpf libelf zlib libnl-route-3.0 libnl-3.0 libmnl libvirt libcjson yaml-0.1 libcurl \
            libmicrohttpd libarchive libxml-2.0 libcap-ng libseccomp nettle libpcap
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

# Targets that install first; all others want the packages to be there.
BARE_GOALS := deps check run stop fuzz bench clean help
ifneq ($(filter-out $(BARE_GOALS),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists $(PACKAGES) 2>&1 && echo yes),yes)
$(error Debian packages are missing: 'make deps' installs them)
endif
endif

WARN   := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
BASE   := -std=gnu17 -D_GNU_SOURCE -fvisibility=hidden $(WARN) -Iinclude -I$(B)/bpf -MMD -MP
LIBS_COMMON   := $(call pkg,--libs,libcjson) -lm
LIBS_agent    := $(call pkg,--libs,libbpf libelf zlib libnl-route-3.0 libnl-3.0 libmnl libcap-ng libarchive nettle libmicrohttpd)
LIBS_cli      := $(call pkg,--libs,yaml-0.1 libcurl libpcap libbpf libelf zlib)
LIBS_launcher := $(call pkg,--libs,libvirt libvirt-qemu libxml-2.0 libarchive) -lpthread
CFLAGS_PKG    := $(call pkg,--cflags,$(PACKAGES))

# The library: lib/yaml.c is linked by the command alone, as YAML ends at the edge.
LIB_SRC      := $(wildcard lib/*.c lib/*/*.c)
AGENT_SRC    := $(wildcard agent/*.c) $(filter-out agent/cli/%,$(wildcard agent/*/*.c))
CLI_SRC      := $(wildcard agent/cli/*.c)
LAUNCHER_SRC := $(wildcard launcher/*.c launcher/*/*.c)
BPF_SRC      := $(wildcard bpf/*.bpf.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
PROGRAMS := $(B)/beeline $(B)/beeline-agent $(B)/beeline-launcher
SKELETONS := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(BPF_SRC))

include $(wildcard guest/guest.mk selftests/*/tier.mk)

.PHONY: all
all: $(PROGRAMS) ## Build all programs and BPF objects into build/
	@:

$(B)/libbeeline.a: $(call obj,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# For who runs the programs without an agent.
$(B)/datapath.a: $(call obj,$(wildcard agent/datapath/*.c))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/beeline: $(call obj,$(CLI_SRC)) $(B)/datapath.a $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_cli) $(LIBS_COMMON)

$(B)/beeline-agent: $(call obj,$(AGENT_SRC)) $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_agent) $(LIBS_COMMON)

$(B)/beeline-launcher: $(call obj,$(LAUNCHER_SRC)) $(B)/libbeeline.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_launcher) $(LIBS_COMMON)

$(B)/%.o: %.c Makefile | $(SKELETONS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BASE) $(CFLAGS) $(CFLAGS_PKG) -c -o $@ $<

# The built-in network is this file, taken in by the assembler.
$(B)/agent/sandbox/cni_conf.o: deploy/cni/beeline.conflist

# BPF: object, then skeleton. -mcpu=v3 is what kernel 6.1 knows.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu17 -Wall -Wextra -Werror -Wno-unused-parameter \
              -Wno-address-of-packed-member -Iinclude -Iheaders \
              -idirafter /usr/include/$(shell $(CLANG) -print-multiarch 2>/dev/null) -MMD -MP
$(B)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name bl_$* > $@

# ---- targets that begin on a bare machine ----
# They install first and build in a make of its own, which then sees what pkg-config knows.

SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
TIERS   = $(or $(T),$(shell sed -n 's/^order="\(.*\)"/\1/p' selftests/run))

.PHONY: deps
deps: ## Install the Debian packages that are missing
	@installed=$$(dpkg-query -W -f='$${db:Status-Status} $${Package}\n' $(DEB_PACKAGES) 2>/dev/null | \
		sed -n 's/^installed //p'); \
	missing=$$(printf '%s\n' $(DEB_PACKAGES) | grep -vxF "$$installed"); \
	[ -z "$$missing" ] && exit 0; \
	echo "  DEPS    " $$missing; \
	[ "$$(id -u)" = 0 ] && as_root= || as_root=sudo; \
	$$as_root apt-get -q update && \
	$$as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q install -y --no-install-recommends $$missing

.PHONY: run
run: deps ## Boot the example VM, show that it answers and how, leave it running
	$(Q)$(SUBMAKE) all guest
	$(Q)B=$(B) deploy/demo.sh run

.PHONY: stop
stop: ## Take away what `make run` made: VMs, agent, state
	$(Q)B=$(B) deploy/demo.sh stop

.PHONY: check
check: deps ## Build and test everything; T="unit bpf" chooses tiers, V=1 shows every test
	$(Q)$(SUBMAKE) check-parts
	$(Q)B=$(B) V=$(V) selftests/run $(T)

# What the tiers need built, by their tier.mk.
.PHONY: check-parts
check-parts: all $(foreach tier,$(TIERS),$(CHECK_$(tier)))

# ---- installing ----

BIN_DIR   = $(DESTDIR)$(PREFIX)/bin
SHARE_DIR = $(DESTDIR)$(PREFIX)/share/beeline
UNIT_DIR  = $(DESTDIR)$(PREFIX)/lib/systemd/system
MAN_DIR   = $(DESTDIR)$(PREFIX)/share/man
BASH_DIR  = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR   = $(DESTDIR)$(PREFIX)/share/zsh/site-functions

.PHONY: install
install: all ## Install programs, examples, alerts, manuals and a systemd unit below DESTDIR and PREFIX
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(BIN_DIR) $(SHARE_DIR)/cni $(SHARE_DIR)/examples/policies $(SHARE_DIR)/alerts \
		$(SHARE_DIR)/dashboards $(UNIT_DIR) \
		$(MAN_DIR)/man1 $(MAN_DIR)/man8 $(BASH_DIR) $(ZSH_DIR)
	$(Q)install -m 755 $(PROGRAMS) $(BIN_DIR)
	$(Q)install -m 644 deploy/cni/beeline.conflist $(SHARE_DIR)/cni
	$(Q)install -m 644 $(wildcard deploy/examples/*.*) $(SHARE_DIR)/examples
	$(Q)install -m 644 $(wildcard deploy/examples/policies/*) $(SHARE_DIR)/examples/policies
	$(Q)install -m 644 deploy/alerts/beeline.yaml $(SHARE_DIR)/alerts
	$(Q)install -m 644 deploy/dashboards/beeline.json $(SHARE_DIR)/dashboards
	$(Q)sed 's|@PREFIX@|$(PREFIX)|' deploy/systemd/beeline-agent.service >$(UNIT_DIR)/beeline-agent.service
	$(Q)$(B)/beeline --man-page >$(MAN_DIR)/man1/beeline.1
	$(Q)$(B)/beeline-agent --man-page >$(MAN_DIR)/man8/beeline-agent.8
	$(Q)$(B)/beeline --bash-completion >$(BASH_DIR)/beeline
	$(Q)$(B)/beeline --zsh-completion >$(ZSH_DIR)/_beeline
	$(Q)chmod 644 $(UNIT_DIR)/beeline-agent.service $(MAN_DIR)/man1/beeline.1 \
		$(MAN_DIR)/man8/beeline-agent.8 $(BASH_DIR)/beeline $(ZSH_DIR)/_beeline

.PHONY: clean
clean: ## Remove build/
	rm -rf $(B)

.PHONY: help
help: ## Show this
	@echo 'Beeline: virtual machines beside containers, by a straight line of eBPF.'
	@echo
	@grep -hE '^[a-z-]+:.*##' $(filter-out %.d,$(MAKEFILE_LIST)) | \
		sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22
	@echo
	@echo '  V=1 shows commands; CC=clang, CFLAGS=..., B=DIR (default build), PREFIX=DIR, DESTDIR=DIR.'

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
