"""How long to wait between attempts: for one record, and in vain for all records of an endpoint."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from llmops_sdk.plugin.interfaces import Transport

LONGEST_WAIT = 20.0
"""The longest wait between two attempts, in seconds, whatever the server asks for."""

WASTED = 600.0
"""Seconds that may be waited in vain at one endpoint; afterwards no record is waited for."""


def patience_with(transport: Transport) -> Patience:
    """Return the budget of a transport's endpoint, the same one as long as the transport is used."""
    return _PATIENCE.setdefault(transport, Patience())


class Patience:
    """A budget for waits that did not help: those for records that failed nevertheless.

    Waits that end in an answer are free, so a slow endpoint that throttles is asked to the end. One that asks for long
    waits and never answers is not waited for again and again: its records are pending at once.

    Args:
        seconds: The budget, for each request in flight.
    """

    def __init__(self, seconds: float = WASTED) -> None:
        self._left = seconds
        self._lock = threading.Lock()

    @property
    def is_spent(self) -> bool:
        """Whether no record is to be waited for any more."""
        return self._left <= 0

    def waste(self, seconds: float) -> None:
        """Take seconds that were waited in vain from the budget."""
        with self._lock:
            self._left -= seconds


_PATIENCE: WeakKeyDictionary[Transport, Patience] = WeakKeyDictionary()
