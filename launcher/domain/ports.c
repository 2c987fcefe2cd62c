// SPDX-License-Identifier: Apache-2.0
/* Serial console and graphics: unix sockets in the incarnation's private folder. */
#include "domain.h"

#include "../paths.h"

void domain_build_ports(const struct bl_vmi *vmi, struct domain_ports *ports)
{
	if (vmi->autoattach_serial) {
		ports->serial = paths_private(vmi->uid, BL_LAUNCHER_SERIAL_NAME);
		ports->serial_log = paths_private(vmi->uid, BL_LAUNCHER_SERIAL_LOG_NAME);
	}
	if (vmi->autoattach_graphics) {
		ports->vnc = paths_private(vmi->uid, BL_LAUNCHER_VNC_NAME);
		/* OVMF drives bochs without the legacy VGA registers that SeaBIOS wants. */
		ports->video = vmi->firmware == BL_FIRMWARE_EFI ? "bochs" : "vga";
	}
}
