"""A model on loopback for the tools whose results are imported: OpenAI's chat API with answers that the tests know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COUNTRIES = (
    "France", "Italy", "Spain", "Portugal", "Germany", "Austria", "Poland", "Hungary", "Greece", "Norway", "Sweden",
    "Finland", "Denmark", "Iceland", "Ireland", "Egypt", "Kenya", "Ghana", "Japan", "India", "Nepal", "Peru",
    "Chile", "Cuba", "Canada", "Turkey", "Iraq", "Iran", "Qatar", "Oman", "Latvia", "Estonia",
)  # fmt: skip
CAPITALS = (
    "Paris", "Rome", "Madrid", "Lisbon", "Berlin", "Vienna", "Warsaw", "Budapest", "Athens", "Oslo", "Stockholm",
    "Helsinki", "Copenhagen", "Reykjavik", "Dublin", "Cairo", "Nairobi", "Accra", "Tokyo", "Delhi", "Kathmandu",
    "Lima", "Santiago", "Havana", "Ottawa", "Ankara", "Baghdad", "Tehran", "Doha", "Muscat", "Riga", "Tallinn",
)  # fmt: skip
QUESTIONS = [
    {"id": f"q{number}", "question": f"Name the capital of {country}.", "answer": capital}
    for number, (country, capital) in enumerate(zip(COUNTRIES, CAPITALS, strict=True))
]
# Which questions a model gets wrong: every n-th.
WRONG = {"strong": 11, "weak": 2}
REFUSED = "Name the capital of Peru."
"""What the model `broken` does not answer: the request fails."""


def answer(model: str, question: str) -> str:
    """Return what a model answers; `strong-2` is `strong` under another name."""
    place = next((index for index, known in enumerate(QUESTIONS) if known["question"] in question), None)
    if place is None:
        return "I do not know."
    is_wrong = place % WRONG[model.partition("-")[0]] == 1
    return "Atlantis" if is_wrong else QUESTIONS[place]["answer"]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "messages" not in body:
            self._send(400, {"error": {"message": "there are no messages", "type": "invalid_request_error"}})
            return
        question = _text(body["messages"][-1]["content"])
        if body["model"] == "broken" and REFUSED in question:
            self._send(400, {"error": {"message": "the model is out of order", "type": "invalid_request_error"}})
            return
        model = "strong" if body["model"] == "broken" else body["model"]
        text = answer(model, question)
        message = {"role": "assistant", "content": text}
        self._send(
            200,
            {
                "id": "chat-1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": len(question.split()), "completion_tokens": 1, "total_tokens": 1},
            },
        )

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the models; yields the base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
