"""Who may ask the server: programs of this machine, and no web page that a browser has open.

A page can send requests to loopback: it can make a name of its own point to 127.0.0.1 (DNS rebinding), which the header
`Host` shows, and it can post to any address, which the header `Origin` shows.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK_NAME = "localhost"
_FORBIDDEN = 403
_MISDIRECTED = 421


class LoopbackOnly:
    """Refuses requests whose `Host` or `Origin` is not this machine's loopback; passes all others to the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not is_loopback(f"http://{hosts[0]}"):
            problem = f"the header Host is {', '.join(map(repr, hosts))}" if hosts else "the header Host is missing"
            response = _refusal(
                _MISDIRECTED, f"{problem}; this server answers only to localhost and loopback addresses"
            )
        elif not all(map(is_loopback, origins)):
            response = _refusal(
                _FORBIDDEN, "this server answers no web pages of other machines (see the header Origin)"
            )
        else:
            await self._app(scope, receive, send)
            return
        await response(scope, receive, send)


def is_loopback(origin: str) -> bool:
    """Return whether an origin, such as `http://localhost:8000`, is this machine: `localhost` or a loopback address."""
    try:
        parts = urlsplit(origin)
        _ = parts.port  # raises if it is no port
        if parts.scheme not in ("http", "https") or parts.netloc != origin.partition("://")[2] or "@" in parts.netloc:
            return False
        host = (parts.hostname or "").lower()
        return host == _LOOPBACK_NAME or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(status: int, message: str) -> JSONResponse:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    # Both forms: SageMaker's clients read `Message`, OpenAI's read `error`.
    return JSONResponse({"error": error, "Message": message}, status_code=status, headers={"Connection": "close"})
