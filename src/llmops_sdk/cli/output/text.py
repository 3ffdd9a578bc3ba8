"""Writing plain text and JSON: nothing that a user, a model or a service wrote reaches the terminal as an escape sequence."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import IO, Any

import click

from llmops_sdk.progress import UNSAFE, plain

_STREAM = "llmops_sdk.json_stream"
"""Where a command with `--json` writes, in the metadata of its context."""


def echo(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Write text to standard output or standard error."""
    click.echo(plain(str(text)), err=err, nl=nl)


def echo_json(data: Any, *, indent: int | None = None) -> None:
    """Write JSON to standard output; characters that a terminal obeys are escaped."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    text = UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    context = click.get_current_context(silent=True)
    click.echo(text, file=context.meta.get(_STREAM) if context else None)


@contextmanager
def json_output(context: click.Context) -> Iterator[None]:
    """Keep standard output for `echo_json`: what anything else prints goes to standard error, that of processes too."""
    with contextlib.ExitStack() as at_end:
        context.meta[_STREAM] = at_end.enter_context(_own_stdout())
        at_end.enter_context(redirect_stdout(sys.stderr))
        yield


@contextmanager
def _own_stdout() -> Iterator[IO[str]]:
    """Yield a stream to standard output, and let the file descriptor of standard output lead to standard error."""
    if sys.stdout is not sys.__stdout__ or sys.stdout is None:  # a test or a notebook has replaced it
        yield sys.stdout
        return
    sys.stdout.flush()
    number = sys.stdout.fileno()
    own = os.dup(number)
    try:
        os.dup2(2, number)
        with io.TextIOWrapper(os.fdopen(own, "wb", closefd=False), encoding=sys.stdout.encoding) as stream:
            yield stream
    finally:
        os.dup2(own, number)
        os.close(own)
