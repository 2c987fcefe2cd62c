# SPDX-License-Identifier: Apache-2.0
"""The four machines of the tests: the two examples as they are, and two that differ from them."""
import os

IMAGE = "beeline/demo:latest"
EXAMPLES = os.path.join(os.path.dirname(__file__), "../../deploy/examples")

POD = "demo"
MASQUERADE = "demo-masquerade"
EFI = "pod-efi"  # pod binding, OVMF, a MAC of its own, two CPUs and so two queues, a key for ssh
OPEN = "masq-open"  # masquerade without a list of ports, an empty disk, commands in its seed
ALL = (POD, MASQUERADE, EFI, OPEN)
MAC = "02:42:65:65:6c:01"


def machine(name, interface, user_data):
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": name},
        "spec": {
            "runStrategy": "Always",
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": 20,
                    "domain": {
                        "memory": {"guest": "128Mi"},
                        "devices": {
                            "disks": [{"name": "root", "disk": {"bus": "virtio"}},
                                      {"name": "seed", "disk": {"bus": "virtio"}}],
                            "interfaces": [{"name": "default", **interface}],
                            "rng": {},
                        },
                    },
                    "networks": [{"name": "default", "pod": {}}],
                    "volumes": [
                        {"name": "root", "containerDisk": {"image": IMAGE}},
                        {"name": "seed", "cloudInitNoCloud": {"userData": user_data}},
                    ],
                },
            },
        },
    }


def efi_machine(public_key):
    vm = machine(EFI, {"bridge": {}, "macAddress": MAC},
                 f"#cloud-config\nhostname: {EFI}\nssh_authorized_keys:\n- {public_key}")
    domain = vm["spec"]["template"]["spec"]["domain"]
    domain["firmware"] = {"bootloader": {"efi": {"secureBoot": False}}}
    domain["memory"]["guest"] = "256Mi"
    domain["cpu"] = {"cores": 2}
    return vm


def open_machine():
    vm = machine(OPEN, {"masquerade": {}},
                 "#cloud-config\nruncmd:\n- echo the seed ran > /tmp/seed\n")
    spec = vm["spec"]["template"]["spec"]
    spec["domain"]["devices"]["disks"].append({"name": "spare", "disk": {"bus": "virtio"}})
    spec["volumes"].append({"name": "spare", "emptyDisk": {"capacity": "64Mi"}})
    return vm


def apply_all(node):
    """All four at once."""
    node.vm("apply", "-f", f"{EXAMPLES}/vm-pod.yaml", "-f", f"{EXAMPLES}/vm-masquerade.yaml")
    node.apply({"apiVersion": "v1", "kind": "List",
                "items": [efi_machine(node.key()), open_machine()]})
