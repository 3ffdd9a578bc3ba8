"""A server in OpenAI's form that answers each request after a fixed time: `python stub_server.py MILLISECONDS`.

Prints its port. It does as little as it can, since it shares the machine with what is measured: an answer is one write,
and a request is read by its `Content-Length` alone.
"""

from __future__ import annotations

import asyncio
import json
import sys

_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "stub-1",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "The answer is 42."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26},
    }
).encode()
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)


class Stub(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete, after the fixed time."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            lowered = head.lower()
            _, found, length = lowered.partition(b"content-length:")
            size = int(length.split(b"\r\n")[0]) if found else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, _REPLY)  # type: ignore[attr-defined]


async def serve(seconds: float) -> None:
    """Serve until the process is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(seconds), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) / 1000))
