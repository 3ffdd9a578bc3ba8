"""A server in OpenAI's form that answers each request after a fixed time: `python stub_server.py MILLISECONDS`.

Prints its port. `GET /stats` returns how many requests there were since the last time, and the seconds from the first one to
the last answer. It does as little as it can, since it shares the machine with what is measured: an answer is one write, and
a request is read by its `Content-Length` alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "stub-1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The answer is 42."},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26},
}


def _reply(body: object) -> bytes:
    data = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)


_REPLY = _reply(_ANSWER)
_MODELS = _reply({"object": "list", "data": [{"id": "stub-1", "object": "model"}]})


class Statistics:
    """The requests since the last time that somebody asked."""

    def __init__(self) -> None:
        self.take()

    def take(self) -> dict[str, float]:
        """Return the statistics, and start again."""
        taken = vars(self).copy()
        self.requests, self.first, self.last, self.in_flight, self.most_in_flight = 0, 0.0, 0.0, 0, 0
        return {name: value for name, value in taken.items() if name != "in_flight"}

    def started(self) -> None:
        """Count a request."""
        self.first = self.first or time.perf_counter()
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def ended(self) -> None:
        """Note an answer."""
        self.in_flight -= 1
        self.last = time.perf_counter()


class Stub(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, seconds: float, statistics: Statistics) -> None:
        self._seconds = seconds
        self._statistics = statistics
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete, after the fixed time."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            _, colon, length = head.lower().partition(b"content-length:")
            size = int(length.split(b"\r\n")[0]) if colon else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            if head.startswith(b"GET /stats"):
                self._write(_reply(self._statistics.take()))
            elif head.startswith(b"GET"):
                self._write(_MODELS)
            else:
                self._statistics.started()
                asyncio.get_running_loop().call_later(self._seconds, self._answer)

    def _answer(self) -> None:
        self._statistics.ended()
        self._write(_REPLY)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)  # type: ignore[attr-defined]


async def serve(seconds: float) -> None:
    """Serve until the process is killed."""
    loop, statistics = asyncio.get_running_loop(), Statistics()
    server = await loop.create_server(lambda: Stub(seconds, statistics), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) / 1000))
