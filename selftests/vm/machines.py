# SPDX-License-Identifier: Apache-2.0
"""The four machines of the tests: the two examples as they are, and two that differ from them."""
import os
import subprocess

IMAGE = "beeline/demo:latest"
EXAMPLES = os.path.join(os.path.dirname(__file__), "../../deploy/examples")

POD = "demo"
MASQUERADE = "demo-masquerade"
EFI = "pod-efi"    # pod binding, OVMF, a MAC of its own, a key for ssh
OPEN = "masq-open"  # masquerade without a list of ports, commands at the end of its boot
ALL = (POD, MASQUERADE, EFI, OPEN)
MAC = "02:42:65:65:6c:01"


def machine(name, interface, user_data, firmware=None, memory="128Mi"):
    domain = {
        "memory": {"guest": memory},
        "devices": {
            "disks": [{"name": "root", "disk": {"bus": "virtio"}},
                      {"name": "seed", "disk": {"bus": "virtio"}}],
            "interfaces": [{"name": "default", **interface}],
            "rng": {},
        },
    }
    if firmware:
        domain["firmware"] = {"bootloader": firmware}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {
            "runStrategy": "Always",
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": 20,
                    "domain": domain,
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [
                        {"name": "root", "containerDisk": {"image": IMAGE}},
                        {"name": "seed", "cloudInitNoCloud": {"userData": user_data}},
                    ],
                },
            },
        },
    }


def apply_all(node):
    """All four at once."""
    key = f"{node.root}/key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with open(f"{key}.pub") as public:
        keys = f"#cloud-config\nhostname: {EFI}\nssh_authorized_keys:\n- {public.read()}"
    node.vm("apply", "-f", f"{EXAMPLES}/vm-pod.yaml", "-f", f"{EXAMPLES}/vm-masquerade.yaml")
    node.apply({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            machine(EFI, {"bridge": {}, "macAddress": MAC}, keys,
                    firmware={"efi": {"secureBoot": False}}, memory="256Mi"),
            machine(OPEN, {"masquerade": {}},
                    "#cloud-config\nruncmd:\n- echo the seed ran > /tmp/seed\n"),
        ],
    })
