"""A Hugging Face hub on loopback that speaks the few paths that `datasets` and `huggingface_hub` ask for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import attrs


@attrs.define
class LoopbackHub:
    """Serves one data set; `commits` are its versions, the last one is `main`."""

    id: str
    commits: dict[str, dict[str, bytes]]
    token: str = ""
    url: str = ""
    asked: list[str] = attrs.field(factory=list)

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a revision is, or None."""
        if revision == "main":
            return list(self.commits)[-1]
        return revision if revision in self.commits else None


@contextmanager
def serve(hub: LoopbackHub) -> Iterator[LoopbackHub]:
    """Serve the hub in a thread for the time of a `with` block."""

    class Handler(_Handler):
        served = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: str = "") -> None:
        hub = self.served
        path = unquote(urlsplit(self.path).path)
        hub.asked.append(f"{self.command} {path}")
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self._refuse(401, "RepoNotFound")
        api, resolve = f"/api/datasets/{hub.id}", f"/datasets/{hub.id}/resolve/"
        if path.startswith(resolve):
            revision, _, name = path.removeprefix(resolve).partition("/")
            return self._file(revision, name)
        if path != api and not path.startswith(api + "/"):
            return self._refuse(404, "RepoNotFound")
        kind, _, rest = path.removeprefix(api).strip("/").partition("/")
        revision, _, folder = rest.partition("/")
        commit = hub.commit_of(revision or "main")
        if commit is None:
            return self._refuse(404, "RevisionNotFound")
        files = hub.commits[commit]
        if kind in ("", "revision"):
            names = [{"rfilename": name} for name in files]
            return self._json({"id": hub.id, "sha": commit, "siblings": names, "private": False, "tags": []})
        if kind == "tree":
            return self._json([_entry(name, files[name]) for name in files if name.startswith(folder)])
        wanted = parse_qs(body).get("paths", []) or json.loads(body or "{}").get("paths", [])
        return self._json([_entry(name, files[name]) for name in files if name in wanted])

    def _file(self, revision: str, name: str) -> None:
        commit = self.served.commit_of(revision)
        if commit is None:
            return self._refuse(404, "RevisionNotFound")
        content = self.served.commits[commit].get(name)
        if content is None:
            return self._refuse(404, "EntryNotFound", commit)
        return self._send(200, content, {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'})

    def _json(self, data: object) -> None:
        self._send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, commit: str = "") -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, "X-Repo-Commit": commit})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(name: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
