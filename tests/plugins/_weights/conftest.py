"""A Hugging Face hub on loopback, with a tiny model, one without safetensors and an adapter."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_WITHHELD = {
    "us/tiny": ("adapter_config.json",),
    "us/pickled": ("adapter_config.json", "model.safetensors"),
    "us/adapter": ("config.json", "model.safetensors"),
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a download needs."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            kind, revision = parts[4:6] or ("", "")
            self._model("/".join(parts[2:4]), kind, revision)
        else:
            self._file("/".join(parts[4:]))

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _model(self, name: str, kind: str, revision: str) -> None:
        if name == "them/gated":
            self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif name not in _WITHHELD:
            self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", COMMIT):
            self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        else:
            files = {file: data for file, data in self.files.items() if file not in _WITHHELD[name]}
            listed = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
            tree = [
                {"type": "file", "path": file, "size": len(files[file]), "oid": _oid(files[file])} for file in files
            ]
            body = tree if kind == "tree" else {"id": name, "sha": COMMIT, "siblings": listed}
            self._answer(200, json.dumps(body).encode(), {})

    def _file(self, name: str) -> None:
        data = self.files[name]
        self._answer(200, data, {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT})

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Keep requests out of the test's output."""


def _oid(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def run_with_hub(tiny_model: Path, tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Run a script in another process that uses this hub: the hub's library reads the address once.

    The script gets the cases as JSON and a folder, and its lines are returned. With `up=False` the hub is unreachable.
    """
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    files |= {
        "README.md": b"notes",
        "onnx/model.onnx": b"onnx",
        "onnx/config.json": b"{}",
        "pytorch_model.bin": b"pickle",
        "adapter_config.json": b"{}",
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("TinyHub", (Hub,), {"files": files}))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(script: str, *cases: tuple[str, str, bool], up: bool = True) -> list[str]:
        port = server.server_address[1] if up else 9  # the port of the discard service, where nobody listens
        environment = {
            **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "5", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"):
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-c", script, json.dumps(cases), str(tmp_path)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    server.shutdown()
    server.server_close()
