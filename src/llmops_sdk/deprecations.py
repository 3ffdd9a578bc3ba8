"""Deprecated public names: they work until the version that removes them, with a warning that names what to use instead."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class LLMOpsDeprecationWarning(DeprecationWarning):
    """Something of llmops-sdk that a later version removes is used.

    Python shows it in the main program and pytest in tests. An author who wants to fail on it adds
    `error::llmops_sdk.plugin.LLMOpsDeprecationWarning` to pytest's `filterwarnings`.
    """


class Deprecation(NamedTuple):
    """A deprecated name of a public module.

    Attributes:
        instead: The name of the same module to use instead; the deprecated one means the same until it is removed.
        since: The version of llmops-sdk that deprecated it.
        removal: The version that removes it.
    """

    instead: str
    since: str
    removal: str


_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


def current_name(module: str, name: str, deprecated: Mapping[str, Deprecation]) -> str:
    """Return the name that a public module has under `name` today; warn if that is another one.

    Called by the module's `__getattr__`: the warning is about the line that uses the name.

    Args:
        module: The public module.
        name: What is looked up in it.
        deprecated: Its deprecated names.
    """
    if name not in deprecated:
        return name
    instead, since, removal = deprecated[name]
    warn_deprecated(
        f"{module}.{name} is deprecated since llmops-sdk {since}, and {removal} removes it: use {instead}", stacklevel=4
    )
    return instead


def warn_deprecated(message: str, *, stacklevel: int) -> None:
    """Warn that something deprecated is used, and collect the message where messages are collected.

    Args:
        message: What is used, and what to use or type instead.
        stacklevel: As of `warnings.warn`, seen from here.
    """
    collected = _collected.get()
    if collected is not None and message not in collected:
        collected.append(message)
    warnings.warn(message, LLMOpsDeprecationWarning, stacklevel=stacklevel)


@contextmanager
def collect_deprecations() -> Iterator[list[str]]:
    """Collect in a list, once each, what warnings about deprecated names say inside the block."""
    messages: list[str] = []
    token = _collected.set(messages)
    try:
        yield messages
    finally:
        _collected.reset(token)
