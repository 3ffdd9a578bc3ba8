"""A Hugging Face hub on loopback, and processes that ask it (the hub's library reads its address once, at import)."""

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
TOKEN = "a token"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"safe",
    "pytorch_model.bin": b"pickled",
    "README.md": b"notes",
    "onnx/model.onnx": b"onnx",
    "onnx/config.json": b"{}",
}
REPOSITORIES: dict[str, dict[str, bytes]] = {
    "models/us/tiny": FILES,
    "models/us/old": {"config.json": b"{}", "pytorch_model.bin": b"pickled", "model.h5": b"keras"},
    "models/us/secret": FILES,
    "datasets/us/rows": {"README.md": b"notes", "rows.jsonl": b"[]"},
}

Ask = Callable[..., list[str]]

_SCRIPT = """
import json, sys
from pathlib import Path
from llmops_plugins._hub import model, snapshot
from llmops_plugins._hub.repository import Repository
from llmops_sdk import AssetError, Progress, Secret

class Lines(Progress):
    def on_start(self, label, total, unit):
        print(label, total, unit)

for code in json.loads(sys.argv[1]):
    try:
        result = eval(code)
        if isinstance(result, snapshot.Snapshot):
            folder = result.folder
            names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            result = " ".join([result.commit, *names])
        print(result)
    except AssetError as error:
        print(f"{type(error).__name__}: {error}")
"""


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a snapshot needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[0] == "api":
            kind, revision = parts[4:6] or ("", "")
            self._describe("/".join(parts[1:4]), kind, revision)
        elif parts[0] == "datasets":
            self._send_file("/".join(parts[:3]), "/".join(parts[5:]))
        else:
            self._send_file("models/" + "/".join(parts[:2]), "/".join(parts[4:]))

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _describe(self, name: str, kind: str, revision: str) -> None:
        allowed = name != "models/us/secret" or self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if name == "models/them/gated":
            self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif name not in REPOSITORIES or not allowed:
            self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", COMMIT):
            self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif kind == "tree":
            tree = [
                {"type": "file", "path": file, "size": len(data), "oid": _oid(data)}
                for file, data in REPOSITORIES[name].items()
            ]
            self._answer(200, json.dumps(tree).encode(), {"Content-Type": "application/json"})
        else:
            files = [{"rfilename": file, "size": len(data)} for file, data in REPOSITORIES[name].items()]
            body = {"id": name.partition("/")[2], "sha": COMMIT, "siblings": files, "tags": []}
            self._answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _send_file(self, name: str, file: str) -> None:
        data = REPOSITORIES[name][file]
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
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Evaluate expressions in another process, and return what it printed: a commit with its files, a value, an error.

    `up=False` is a hub that does not answer. All calls of a test share one cache.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(*expressions: str, up: bool = True) -> list[str]:
        port = server.server_address[1] if up else 9  # the port of the discard service, where nobody listens
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, json.dumps(expressions)],
            env={
                **kept,
                "HF_ENDPOINT": f"http://127.0.0.1:{port}",
                "HF_HOME": str(tmp_path / "hf"),
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_ETAG_TIMEOUT": "5",
                "HUB_TOKEN": TOKEN,
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    server.shutdown()
    server.server_close()
