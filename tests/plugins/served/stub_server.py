"""A server with OpenAI's API that a command can start: `python stub_server.py --port 8000 --name small`.

It answers with the capital of the country that is asked about, and misbehaves as its options ask, and as the environment
does: STUB_SECONDS before each answer, STUB_EXIT_AT the request of that number, and print STUB_TOKEN. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
DETACHED = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"


def main() -> None:
    """Serve until the process is stopped."""
    options = _parser().parse_args()
    misbehave(options)
    started = time.monotonic()
    asked = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            is_ready = time.monotonic() - started >= options.ready_after
            if self.path == "/v1/models" and options.name:
                self._answer(200 if is_ready else 503, {"data": [{"id": name} for name in options.name.split(",")]})
            elif self.path == options.health:
                self._answer(200 if is_ready else 503, {})
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            nonlocal asked
            asked += 1
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if str(asked) == os.environ.get("STUB_EXIT_AT"):
                log("out of memory")
                os._exit(5)
            text = body.get("prompt") or body["messages"][-1]["content"]
            output = next((city for country, city in CAPITALS.items() if country in text), "I do not know.")
            is_chat = self.path.endswith("/chat/completions")
            kind = "chat" if is_chat else "text"
            log(f"asked {kind} of {body['model']}")
            time.sleep(float(os.environ.get("STUB_SECONDS", "0")))
            choice: dict[str, Any] = {"message": {"content": output}} if is_chat else {"text": output}
            usage = {"prompt_tokens": 5, "completion_tokens": 1}
            self._answer(
                200, {"model": body["model"], "choices": [{**choice, "finish_reason": "stop"}], "usage": usage}
            )

        def _answer(self, status: int, content: Any) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keep requests out of the log."""

    server = ThreadingHTTPServer((options.host, options.port), Handler)
    server.daemon_threads = True
    server.serve_forever(0.02)


def misbehave(options: argparse.Namespace) -> None:
    """Do at the start what the options ask for."""
    if "STUB_TOKEN" in os.environ:
        log(f"my token is {os.environ['STUB_TOKEN']}")
    if options.exit_code is not None:
        log(f"cannot load {options.model}")
        sys.exit(options.exit_code)
    if options.children:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        subprocess.run([sys.executable, "-c", DETACHED], check=True)
    if options.noise:
        threading.Thread(target=_print_noise, daemon=True).start()


def log(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--name", default="stub", help="names in the list of models; empty for no list")
    parser.add_argument("--model", default="", help="ignored")
    parser.add_argument("--health", default="/health", help="the path that shows whether it is ready")
    parser.add_argument("--ready-after", type=float, default=0, help="seconds until it is ready")
    parser.add_argument("--exit-code", type=int, help="exit at once")
    parser.add_argument("--children", action="store_true", help="start a child, and one in another session")
    parser.add_argument("--noise", action="store_true", help="print without end")
    return parser


def _print_noise() -> None:
    while True:
        sys.stdout.write("loading weights, layer by layer\n" * 100)


if __name__ == "__main__":
    main()
