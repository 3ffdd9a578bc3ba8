"""Text and JSON that commands write."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from llmops_sdk.cli.output.text import echo, echo_json, json_output

if TYPE_CHECKING:
    import pytest


def test_text_has_no_escape_sequences(capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal would obey is shown by its code."""
    echo("\x1b[31mred\u202e")

    assert "<1b>[31mred<202e>\n" == capsys.readouterr().out


def test_json_keeps_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Characters that a terminal obeys are escaped, and read back as they were; other ones stay readable."""
    data = {"a": "é\x9b2J\u202e\ud83d"}

    echo_json(data)

    out = capsys.readouterr().out
    assert '{"a": "é\\u009b2J\\u202e\\ud83d"}\n' == out
    assert data == json.loads(out)


def test_what_is_printed_beside_json_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Plugins may print."""
    with click.Context(click.Command("x")) as context, json_output(context):
        print("noise")  # noqa: T201 - what a plugin should not do
        echo_json([1])

    assert ("[1]\n", "noise\n") == tuple(capsys.readouterr())


def test_what_processes_print_beside_json_goes_to_standard_error() -> None:
    """The file descriptor is redirected, not only Python's own stream."""
    program = (
        "import click, os, subprocess\n"
        "from llmops_sdk.cli.output.text import echo_json, json_output\n"
        "with click.Context(click.Command('x')) as context, json_output(context):\n"
        "    subprocess.run(['echo', 'noise'])\n"
        "    os.write(1, b'more noise')\n"
        "    echo_json([1])\n"
        "click.echo('[2]')\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[1]\n[2]\n" == done.stdout
    assert "noise\nmore noise" == done.stderr
