// SPDX-License-Identifier: Apache-2.0
/* Machine type and firmware: SeaBIOS, or OVMF with or without Secure Boot, at Debian's paths. */
#include "domain.h"

#include "../paths.h"

#define OVMF_DIR "/usr/share/OVMF/"

void domain_build_firmware(const struct bl_vmi *vmi, struct domain_firmware *firmware)
{
	firmware->machine = vmi->machine_type;
	firmware->bios_use_serial = vmi->bios_use_serial;
	firmware->smm = vmi->smm;
	if (vmi->firmware == BL_FIRMWARE_BIOS)
		return;
	firmware->secure = vmi->secure_boot;
	firmware->loader =
		vmi->secure_boot ? OVMF_DIR "OVMF_CODE_4M.ms.fd" : OVMF_DIR "OVMF_CODE_4M.fd";
	firmware->nvram_template =
		vmi->secure_boot ? OVMF_DIR "OVMF_VARS_4M.ms.fd" : OVMF_DIR "OVMF_VARS_4M.fd";
	firmware->nvram = paths_private(vmi->uid, "nvram.fd");
}
