"""The command that starts a server: its words, and the placeholders in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from llmops_sdk.plugin import did_you_mean

PLACEHOLDERS = ("model", "port", "host", "name")
"""What `{model}` and the others stand for: the weights, the port and address to listen at, and the name of the model."""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")  # JSON in an argument has none: {"temperature": 0}


def split_command(command: Any) -> tuple[str, ...]:
    """Return the words of a command, which is a text as in a shell, or a list.

    >>> split_command("serve {model} --port {port} --title 'two words'")
    ('serve', '{model}', '--port', '{port}', '--title', 'two words')

    Raises:
        ValueError: It is neither, has no words, an unknown placeholder, or no `{port}`.
    """
    if isinstance(command, str):
        try:
            words = tuple(shlex.split(command))
        except ValueError as exc:
            message = f"the command {command!r} cannot be split into words: {exc}"
            raise ValueError(message) from None
    elif isinstance(command, Sequence) and all(isinstance(word, str) for word in command):
        words = tuple(command)
    else:
        message = f"the command is a text or a list of texts, not {command!r}"
        raise ValueError(message)
    check_placeholders(words)
    if "port" not in placeholders(words):
        message = (
            f"the command {' '.join(words)!r} needs {{port}}, where the run puts the port to listen at: --port {{port}}"
        )
        raise ValueError(message)
    return words


def check_placeholders(words: Sequence[str]) -> None:
    """Check the placeholders in some words.

    Raises:
        ValueError: One is unknown.
    """
    for name in sorted(placeholders(words) - set(PLACEHOLDERS)):
        message = f"there is no placeholder {{{name}}}{did_you_mean(name, PLACEHOLDERS)}"
        raise ValueError(message)


def placeholders(words: Sequence[str]) -> set[str]:
    """Return the names of the placeholders in some words."""
    return {name for word in words for name in _PLACEHOLDER.findall(word)}


def fill(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the words with the values of their placeholders.

    >>> fill(["--port={port}", "{model}"], {"port": "8000", "model": "/weights"})
    ['--port=8000', '/weights']
    """
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in words]
