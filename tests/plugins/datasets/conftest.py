"""What a step would hand to a dataset, and a Hugging Face hub on loopback."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
import pytest

from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits


class Told(Progress):
    """Keeps the lines that a user would see."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def told() -> Told:
    """What the step said."""
    return Told()


@pytest.fixture
def context(tmp_path: Path, told: Told) -> Context:
    """The context of a `prepare` step."""

    def make(kind: str, name: str, options: Mapping[str, Any]) -> Any:
        message = f"no dataset makes a {kind}: {name} {options}"
        raise AssertionError(message)

    def asset(name: str) -> Path:
        raise AssetError(name)

    return Context(
        run_id="run",
        step="prepare",
        folder=tmp_path / "splits",
        home=tmp_path / "home",
        offline=False,
        progress=told,
        log=logging.getLogger("llmops.test"),
        settings={},
        make=make,
        asset=asset,
    )


@pytest.fixture
def load(context: Context) -> Callable[[DatasetSource], DatasetSplits]:
    """Load a dataset as a `prepare` step does."""
    return lambda dataset: dataset.load(context)


@attrs.define
class Hub:
    """A hub with the few paths that `datasets` and `huggingface_hub` ask for.

    Attributes:
        url: Its address on loopback.
        data_sets: Id to commits, in the order they were made, to files; the last commit is `main`.
        tokens: Id to the token that may read it; the others are public.
        asked: Every request, as `METHOD PATH`.
    """

    url: str = ""
    data_sets: dict[str, dict[str, dict[str, bytes]]] = attrs.field(factory=dict)
    tokens: dict[str, str] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """Serve a hub for the whole session; tests put datasets of different ids into it."""
    served = Hub()

    class Handler(_Handler):
        hub = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer("")

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def log_message(self, *_: object) -> None:
        """Keep requests out of the test's output."""

    def _answer(self, body: str) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        is_api = path.startswith("/api/")
        owner, _, rest = path.removeprefix("/api").removeprefix("/datasets/").partition("/")
        name, _, rest = rest.partition("/")
        commits = self.hub.data_sets.get(f"{owner}/{name}")
        token = self.hub.tokens.get(f"{owner}/{name}")
        if commits is None or (token and self.headers.get("Authorization") != f"Bearer {token}"):
            return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        kind, _, rest = rest.partition("/")
        revision, _, rest = rest.partition("/")
        commit = list(commits)[-1] if revision in ("", "main") else revision
        if commit not in commits:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if is_api:
            return self._tell(f"{owner}/{name}", commit, kind, rest, body)
        content = commits[commit].get(rest)
        if content is None:
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self._send(200, content, {"X-Repo-Commit": commit, "ETag": f'"{_oid(content)}"'})

    def _tell(self, name: str, commit: str, kind: str, folder: str, body: str) -> None:
        files = self.hub.data_sets[name][commit]
        data: Any = {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files], "tags": []}
        if kind in ("tree", "paths-info"):
            wanted = [file for file in files if file.startswith(folder)]
            if kind == "paths-info":
                wanted = parse_qs(body).get("paths", [])
            data = [
                {"type": "file", "path": file, "size": len(files[file]), "oid": _oid(files[file])}
                for file in wanted
                if file in files
            ]
        self._send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _oid(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
