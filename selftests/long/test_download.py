# SPDX-License-Identifier: Apache-2.0
"""image import https://: a real server, a certificate of one's own, a connection that breaks."""
import hashlib
import os
import shutil

from node import BUILD, Failed, Skipped
from test_boot import expect
from web import Authority, Site, serve

NAME = "example.org/downloaded:1"
PATH = "/demo.qcow2"


def disk():
    with open(f"{BUILD}/demo.qcow2", "rb") as file:
        return file.read()


def site_with(data, tag='"one"'):
    site = Site()
    site.files[PATH] = (data, tag)
    return site


def authority(world):
    if not shutil.which("openssl"):
        raise Skipped("openssl")
    return Authority(world.node.root)


def fetch(world, url, *options, trusted=True):
    """image import as somebody with a cache of their own; the image's digest."""
    more = {"XDG_CACHE_HOME": f"{world.node.root}/cache"}
    if trusted:
        more["SSL_CERT_FILE"] = f"{world.node.root}/authority.pem"
    world.node.beeline("image", "import", NAME, url + PATH, *options, timeout=120,
                       environment=more)
    images = world.node.beeline("image", "list", "--full").splitlines()
    return next(line.split()[-1] for line in images if line.startswith(NAME))


def refusal(world, url, *options, trusted=True):
    try:
        fetch(world, url, *options, trusted=trusted)
    except Failed as failure:
        return str(failure)
    raise Failed("it was imported")


def cached(world):
    folder = f"{world.node.root}/cache/beeline"
    return os.listdir(folder) if os.path.isdir(folder) else []


def imported_from_file(world):
    world.node.beeline("image", "import", "example.org/file:1", f"{BUILD}/demo.qcow2", timeout=120)
    images = world.node.beeline("image", "list", "--full").splitlines()
    return next(line.split()[-1] for line in images if line.startswith("example.org/file:1"))


def test_unknown_certificate_is_refused(world):
    with serve(site_with(disk()), authority(world)) as url:
        said = refusal(world, url, trusted=False)
    if "certificate" not in said:
        raise Failed(f"the refusal does not speak of the certificate: {said}")


def test_image_comes_by_https(world):
    data = disk()
    with serve(site_with(data), authority(world)) as url:
        got = fetch(world, url, "--digest", f"sha256:{hashlib.sha256(data).hexdigest()}")
    expect("digest", imported_from_file(world), got)
    expect("files in the cache", [], cached(world))


def test_broken_download_goes_on_where_it_was(world):
    data = disk()
    site = site_with(data)
    site.break_after = len(data) // 2
    with serve(site, authority(world)) as url:
        refusal(world, url)
        got = fetch(world, url)
    expect("digest", imported_from_file(world), got)
    begin = int(site.asked[1].partition("=")[2].rstrip("-")) if site.asked[1] else 0
    if not 0 < begin <= len(data) // 2 or len(site.asked) != 2:
        raise Failed(f"asked for: {site.asked}")


def test_file_that_changed_meanwhile_is_fetched_anew(world):
    data = disk()
    other = bytes(len(data) // 2) + data[len(data) // 2:]
    site = site_with(other, '"before"')
    site.break_after = len(data) // 2
    with serve(site, authority(world)) as url:
        refusal(world, url)
        site.files[PATH] = (data, '"after"')
        got = fetch(world, url)
    expect("digest", imported_from_file(world), got)


def test_whole_download_is_kept_when_the_agent_is_away(world):
    data = disk()
    site = site_with(data)
    socket = world.node.socket
    with serve(site, authority(world)) as url:
        world.node.socket = f"{world.node.root}/nobody"
        try:
            refusal(world, url)
        finally:
            world.node.socket = socket
        got = fetch(world, url)
    expect("digest", imported_from_file(world), got)
    expect("asked for", [None, f"bytes={len(data)}-"], site.asked)


def test_other_digest_is_refused_and_nothing_is_kept(world):
    with serve(site_with(disk()), authority(world)) as url:
        said = refusal(world, url, "--digest", f"sha256:{'0' * 64}")
    if "sha256:" not in said:
        raise Failed(f"the refusal names no digest: {said}")
    expect("files in the cache", [], cached(world))


def test_missing_file_is_said(world):
    site = site_with(disk())
    with serve(site, authority(world)) as url:
        said = refusal(world, f"{url}/nothing")
    if "404" not in said:
        raise Failed(f"the refusal does not say 404: {said}")
