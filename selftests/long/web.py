# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server on loopback with a certificate that nobody knows yet: files from memory, by range,
and a connection that breaks when it is told to."""
import contextlib
import http.server
import os
import re
import ssl
import threading

from node import run


class Authority:
    """A certificate for 127.0.0.1 that vouches for itself."""

    def __init__(self, folder):
        self.certificate = f"{folder}/authority.pem"
        self.key = f"{folder}/authority.key"
        if not os.path.exists(self.certificate):
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                "-subj", "/CN=beeline tests", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", self.key, "-out", self.certificate)


class Site:
    """What the server has, how it behaves, and what it was asked."""

    def __init__(self):
        self.files = {}       # path: (bytes, entity tag)
        self.break_after = 0  # this many bytes of the next answer, once
        self.asked = []       # the Range of each request, or None


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in site.files:
                self.send_error(404)
                return
            data, tag = site.files[self.path]
            wanted = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
            begin = int(wanted.group(1)) if wanted else 0
            if self.headers.get("If-Range", tag) != tag:
                wanted, begin = None, 0
            site.asked.append(self.headers.get("Range"))
            if wanted and begin >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            self.close_connection = bool(site.break_after)
            end = begin + site.break_after if site.break_after else len(data)
            site.break_after = 0
            with contextlib.suppress(OSError):  # a client may hang up
                self.wfile.write(data[begin:end])

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def serve(site, authority):
    """The URL of a server of that site, until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate, authority.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
