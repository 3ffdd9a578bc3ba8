"""Downloads: resumed where they stopped, from a server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.download import download

from .words import WORDS, RecordingProgress


class Server(BaseHTTPRequestHandler):
    """Serves `WORDS` in ranges; ends some answers too early."""

    protocol_version = "HTTP/1.1"
    cuts: list[int]
    ranges_asked: list[str | None]
    ranges = True

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.ranges_asked.append(requested)
        if self.path != "/words":
            self._send(404, b"", "")
            return
        start = int(requested.removeprefix("bytes=").rstrip("-")) if requested and self.ranges else 0
        if start >= len(WORDS):
            self._send(416, b"", f"bytes */{len(WORDS)}")
        else:
            status = 206 if start else 200
            self._send(status, WORDS[start:], f"bytes {start}-{len(WORDS) - 1}/{len(WORDS)}" if start else "")

    def _send(self, status: int, data: bytes, content_range: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        cut = self.cuts.pop(0) if self.cuts else len(data)
        self.wfile.write(data[:cut])
        if cut < len(data):
            self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[tuple[type[Server], str]]:
    handler = type("WordsServer", (Server,), {"cuts": [], "ranges_asked": []})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def test_a_lost_connection_is_resumed(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """The download continues where it stopped, and the progress counts the bytes of the complete file."""
    handler, url = server
    handler.cuts[:] = [30_000]
    progress = RecordingProgress()

    download(f"{url}/words", tmp_path / "words.part", progress=progress, label="words")

    assert (tmp_path / "words.part").read_bytes() == WORDS
    assert handler.ranges_asked == [None, "bytes=30000-"]
    assert progress.tasks == [("words", len(WORDS), "bytes")] * 2
    assert progress.done[-1] == len(WORDS)


def test_a_download_continues_what_a_killed_process_left(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """A file that is complete already is not sent again."""
    handler, url = server
    part = tmp_path / "words.part"
    part.write_bytes(WORDS[:1000])

    download(f"{url}/words", part, progress=Progress(), label="words")
    download(f"{url}/words", part, progress=Progress(), label="words")

    assert part.read_bytes() == WORDS
    assert handler.ranges_asked == ["bytes=1000-", f"bytes={len(WORDS)}-"]


def test_a_server_without_ranges_sends_the_file_again(server: tuple[type[Server], str], tmp_path: Path) -> None:
    """The complete answer replaces the bytes that the file had."""
    handler, url = server
    handler.ranges = False
    (tmp_path / "words.part").write_bytes(b"other bytes")

    download(f"{url}/words", tmp_path / "words.part", progress=Progress(), label="words")

    assert (tmp_path / "words.part").read_bytes() == WORDS


def test_a_refused_download_is_reported_without_the_password_of_its_url(
    server: tuple[type[Server], str], tmp_path: Path
) -> None:
    """The message has the server's status."""
    _, url = server
    secret = url.replace("http://", "http://me:secret@") + "/nothing?token=secret"
    with pytest.raises(AssetError, match=r"^'http://127\.0\.0\.1:\d+/nothing' answered 404$"):
        download(secret, tmp_path / "part", progress=Progress(), label="words")
    with pytest.raises(AssetError, match="cannot be read: No such file"):
        download("file:///no/such/file", tmp_path / "part", progress=Progress(), label="words")
