"""The look for a newer version, against a server on the loopback that notes what it is sent."""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from core.errors import JukuError
from core.installation import updates


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def releases():
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.answer, server.status = [], b"", 200
        server.url = f"http://127.0.0.1:{server.server_port}/juku/releases?all=1"
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def answer_with(*versions):
    return json.dumps(
        {"releases": [{"version": one, "notes": f"<b>{one}</b>", "more": 1} for one in versions]}
    ).encode()


@pytest.mark.parametrize(
    ("answer", "newest"),
    [
        (answer_with("0.1.0", "0.10.0", "0.9.5"), "0.10.0"),
        (answer_with("0.2.0", "0.1.9"), None),
        (answer_with("0.2", "v0.2.1", "1.0.0rc1", "nightly", ""), "v0.2.1"),
        (b"0.1.0\nv0.3\n", "v0.3"),
        (b"", None),
        (b"<html>sign in</html>", None),
    ],
)
def test_the_newest_version(releases, answer, newest):
    releases.answer = answer
    found = updates.find_newer(releases.url, "0.2.0")
    assert (found and found.version) == newest


def test_nothing_is_sent_that_tells_who_asks(releases):
    updates.find_newer(releases.url)
    ((path, headers),) = releases.asked
    assert path == "/juku/releases?all=1" and [*headers] == ["Host"]


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (404, b"", "HTTP 404"),
        (302, b"", "HTTP 302"),  # not followed: one address is asked
        (200, b"0" * (updates.MAX_BYTES + 1), "too long"),
        (200, b'{"releases": 7}', "releases"),
        (200, b"{", "could not be read"),
        (200, b'{"releases": [], "more": ' + b"[" * 100_000, "could not be read"),
    ],
)
def test_an_answer_that_is_none(releases, status, answer, words):
    releases.status, releases.answer = status, answer
    with pytest.raises(JukuError, match=words):
        updates.find_newer(releases.url)
    assert len(releases.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["http://releases.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "releases", "https://", "https://[x"],
)
def test_an_address_that_is_not_asked(address):
    with pytest.raises(JukuError, match="Nothing was asked"):
        updates.find_newer(address)


def test_without_an_address_there_is_nothing_to_ask():
    assert updates.find_address("") == ""
    assert updates.find_address(" https://h/x ") == "https://h/x"
