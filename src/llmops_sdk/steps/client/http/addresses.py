"""Which machine a URL names; light, since plugins ask before anything is sent."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Return whether a URL's host is this machine, by its name or number; nothing is resolved.

    >>> is_loopback("http://127.0.0.1:8080/x"), is_loopback("https://example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
