"""An HTTP server with one file and many ways to fail at giving it."""

import gzip
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers each request by the next fault of the server, and well when there is none left."""

    def do_GET(self):
        """Answer a request for the file."""
        self.server.ranges.append(self.headers.get("Range"))
        faults = self.server.faults
        fault = (faults.pop(0) if len(faults) > 1 or not self.server.persistent else faults[0]) if faults else well
        with suppress(OSError):
            fault(self, self.server.content)
        self.close_connection = True

    def start(self, status=200, length=None, kind="application/octet-stream", **headers):
        """Send the head of an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


def well(handler, content, stop=None):
    """Give the file, or the part that is asked for."""
    wanted = handler.headers.get("Range")
    first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
    if first and first >= len(content):
        handler.start(416, 0, Content_Range=f"bytes */{len(content)}")
        return
    about = {"Content_Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if wanted else {}
    handler.start(206 if wanted else 200, len(content) - first, **about)
    handler.wfile.write(content[first:stop])


def cut(share):
    """Break the connection after a share of the file."""
    return lambda handler, content: well(handler, content, int(share * len(content)))


def hang_up(handler, _):
    """Break the connection before any answer."""
    handler.close_connection = True


def stall(share):
    """Say nothing more after a share of the file."""

    def fault(handler, content):
        well(handler, content, int(share * len(content)))
        handler.server.closing.wait()

    return fault


def silent(handler, _):
    """Never answer."""
    handler.server.closing.wait()


def trickle(handler, content):
    """Give a byte now and then."""
    handler.start(200, len(content))
    for byte in content:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.02)


def wrong_bytes(handler, content):
    """Give other bytes, as many."""
    well(handler, content[::-1])


def flipped_bit(handler, content):
    """Give the file with one bit changed."""
    middle = len(content) // 2
    well(handler, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def half_of_another(handler, content):
    """Give half of a file that was there before it was changed."""
    well(handler, content[::-1], len(content) // 2)


def too_long_announced(handler, content):
    """Announce more than there is."""
    handler.start(200, len(content) + 100)
    handler.wfile.write(content)


def too_short_announced(handler, content):
    """Announce less than there is."""
    handler.start(200, len(content) - 100)
    handler.wfile.write(content)


def no_length(handler, content):
    """Announce no length, and give all."""
    handler.start(200)
    handler.wfile.write(content)


def no_length_cut(handler, content):
    """Announce no length, and break off."""
    handler.start(200)
    handler.wfile.write(content[: len(content) // 3])


def chunked(handler, content):
    """Give all in chunks."""
    _chunks(handler, content, len(content))


def chunked_cut(handler, content):
    """Break off between two chunks."""
    _chunks(handler, content, len(content) // 2)


def _chunks(handler, content, stop):
    handler.protocol_version = "HTTP/1.1"
    handler.start(200, Transfer_Encoding="chunked")
    for first in range(0, stop, 7000):
        chunk = content[first : first + 7000]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    if stop == len(content):
        handler.wfile.write(b"0\r\n\r\n")


def answers(status):
    """Answer with an error and a page about it."""

    def fault(handler, _):
        page = b"<!DOCTYPE html><title>Error</title>" * 20
        handler.start(status, len(page), "text/html")
        handler.wfile.write(page)

    return fault


def disguised_page(handler, _):
    """Give a page as if it were the file."""
    page = b"<!DOCTYPE html><title>Please log in</title>" * 20
    handler.start(200, len(page))
    handler.wfile.write(page)


def redirect(handler, content):
    """Send to another address, where all is well."""
    if handler.path.startswith("/moved"):
        well(handler, content)
    else:
        handler.server.faults.insert(0, redirect)
        handler.start(302, 0, Location="/moved" + handler.path)


def redirect_for_ever(handler, _):
    """Send back to the same address."""
    handler.server.faults.insert(0, redirect_for_ever)
    handler.start(302, 0, Location=handler.path)


def ignores_range(handler, content):
    """Give all from the beginning, whatever is asked."""
    handler.start(200, len(content))
    handler.wfile.write(content)


def wrong_range(handler, content):
    """Give another part than asked for, and say so."""
    handler.start(206, len(content) - 10, Content_Range=f"bytes 10-{len(content) - 1}/{len(content)}")
    handler.wfile.write(content[10:])


def lying_range(handler, content):
    """Give the beginning as if it were the part that is asked for."""
    first = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    handler.start(206, len(content) - first, Content_Range=f"bytes {first}-{len(content) - 1}/{len(content)}")
    handler.wfile.write(content[: len(content) - first])


def no_range(handler, _):
    """Call every range impossible."""
    handler.start(416, 0)


def packed(handler, content):
    """Give the file in gzip, though it was not asked for."""
    body = gzip.compress(content)
    handler.start(200, len(body), Content_Encoding="gzip")
    handler.wfile.write(body)


def endless(handler, content):
    """Never stop."""
    handler.start(200)
    while not handler.server.closing.is_set():
        handler.wfile.write(content)


def empty(handler, _):
    """Give an empty file."""
    handler.start(200, 0)


def no_http(handler, _):
    """Talk nonsense."""
    handler.wfile.write(b"\x00\xffnonsense\r\n\r\n")


@contextmanager
def serving(content, *faults, persistent=False):
    """Yield a server of a file that has these faults one after the other; a persistent one keeps the last for ever."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.content, server.faults, server.persistent, server.ranges = content, list(faults), persistent, []
    server.closing = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/data/cells.tif"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
