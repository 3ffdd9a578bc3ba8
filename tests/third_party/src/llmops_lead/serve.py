"""Serves the baseline from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from llmops_sdk.plugin import BaseModel, Context, Deployer, Endpoint, Resource, ServableModel

from .train import sentences


class LeadServer(Deployer):
    """Starts the server, and stops it by closing its standard input."""

    _servers: dict[str, subprocess.Popen[str]] = {}  # noqa: RUF012

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return the process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start it, and wait until it prints its port."""
        keep = model.source if isinstance(model, BaseModel) else Path(model.uri).read_text(encoding="utf-8")
        command = [sys.executable, "-m", "llmops_lead.serve", keep]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._servers[context.resource_name()] = server
        port = server.stdout.readline().strip() if server.stdout else ""
        return Endpoint(
            name=context.resource_name(), url=f"http://127.0.0.1:{port}/invocations", metadata={"keep": keep}
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop it."""
        server = self._servers.pop(resource.name, None)
        if server is not None:
            server.communicate()


class Handler(BaseHTTPRequestHandler):
    """Answers with the first sentences of the last paragraph."""

    keep = 3

    def do_POST(self) -> None:
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        text = prompt.strip().rsplit("\n\n", 1)[-1]
        body = json.dumps([{"generation": " ".join(sentences(text)[: self.keep])}]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


def main() -> None:
    """Serve until standard input is closed."""
    import threading

    Handler.keep = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
