"""A Hugging Face hub on loopback, with as much of its protocol as loading a dataset needs."""

from __future__ import annotations

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs


@attrs.define
class Hub:
    """A hub with the few paths that `datasets` and `huggingface_hub` request.

    Attributes:
        url: Its address on loopback.
        datasets: Id to commits, oldest first, to files; the last commit is `main`.
        tokens: Id to the token that may read it; other datasets are public.
        requests: Every request, as `METHOD PATH`.
    """

    url: str = ""
    datasets: dict[str, dict[str, dict[str, bytes]]] = attrs.field(factory=dict)
    tokens: dict[str, str] = attrs.field(factory=dict)
    requests: list[str] = attrs.field(factory=list)


class Handler(BaseHTTPRequestHandler):
    """Responds as the hub; a subclass has the hub."""

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
        self.hub.requests.append(f"{self.command} {path}")
        is_api = path.startswith("/api/")
        owner, _, rest = path.removeprefix("/api").removeprefix("/datasets/").partition("/")
        name, _, rest = rest.partition("/")
        commits = self.hub.datasets.get(f"{owner}/{name}")
        token = self.hub.tokens.get(f"{owner}/{name}")
        if commits is None or (token and self.headers.get("Authorization") != f"Bearer {token}"):
            return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        kind, _, rest = rest.partition("/")
        revision, _, rest = rest.partition("/")
        commit = list(commits)[-1] if revision in ("", "main") else revision
        if commit not in commits:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        if is_api:
            return self._describe(f"{owner}/{name}", commit, kind, rest, body)
        content = commits[commit].get(rest)
        if content is None:
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self._send(200, content, {"X-Repo-Commit": commit, "ETag": f'"{_oid(content)}"'})

    def _describe(self, name: str, commit: str, kind: str, folder: str, body: str) -> None:
        files = self.hub.datasets[name][commit]
        data: Any = {"id": name, "sha": commit, "siblings": [{"rfilename": file} for file in files], "tags": []}
        if kind in ("tree", "paths-info"):
            paths = [file for file in files if file.startswith(folder)]
            if kind == "paths-info":
                paths = parse_qs(body).get("paths", [])
            data = [
                {"type": "file", "path": file, "size": len(files[file]), "oid": _oid(files[file])}
                for file in paths
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
