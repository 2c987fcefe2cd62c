# SPDX-License-Identifier: Apache-2.0
"""A registry of images on loopback with TLS, and an image in it, made of what the OCI specification
says: a layer with the disk below /disk, a configuration, a manifest, an index."""
import contextlib
import hashlib
import io
import json
import os
import subprocess
import tarfile

from node import Failed, run

CONFIGURATION = """version: 0.1
storage: {{filesystem: {{rootdirectory: {root}/registry}}}}
http: {{addr: "127.0.0.1:{port}", tls: {{certificate: {certificate}, key: {key}}}}}
"""
OCI = "application/vnd.oci.image."


def _add(archive, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.uid = entry.gid = 107
    archive.addfile(entry, io.BytesIO(data))


def _layer(disk):
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w:gz") as layer, open(disk, "rb") as file:
        _add(layer, "disk/disk.qcow2", file.read())
    return text.getvalue()


def write_archive(disk, path):
    """A containerDisk image of that disk, as an OCI archive."""
    blobs = {}

    def blob(kind, data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": OCI + kind, "digest": f"sha256:{digest}", "size": len(data)}

    layer = blob("layer.v1.tar+gzip", _layer(disk))
    config = blob("config.v1+json", json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {},
         "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    manifest = blob("manifest.v1+json", json.dumps(
        {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config,
         "layers": [layer]}).encode())
    with tarfile.open(path, "w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for digest, data in blobs.items():
            _add(archive, f"blobs/sha256/{digest}", data)


@contextlib.contextmanager
def registry(root, port, authority):
    """Debian's docker-registry, until the block ends."""
    with open(f"{root}/registry.yml", "w") as file:
        file.write(CONFIGURATION.format(root=root, port=port, certificate=authority.certificate,
                                        key=authority.key))
    with open(f"{root}/registry.log", "w") as log:
        server = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "docker-registry", "serve",
                                   f"{root}/registry.yml"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        try:
            for line in server.stdout:
                log.write(line)
                if "listening on" in line:
                    break
            else:
                raise Failed(f"the registry has ended; see {root}/registry.log")
            yield f"127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def push(archive, name, authority):
    run("skopeo", "copy", "--quiet", f"oci-archive:{archive}", f"docker://{name}", timeout=120,
        env={**os.environ, "SSL_CERT_FILE": authority.certificate})
