"""How commands end: exit codes of results, and what an interruption prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cli.exits import INTERRUPTED, interrupted
from llmops_sdk.errors import RunInterrupted

if TYPE_CHECKING:
    import pytest


def test_an_interruption_before_a_run_names_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to resume."""
    assert INTERRUPTED == interrupted()
    assert "stopped\n" == capsys.readouterr().err


def test_an_interruption_names_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The command to resume it can be copied."""
    assert INTERRUPTED == interrupted(RunInterrupted("r-1", "s3://bucket/runs"))
    assert "resume with: llmops run --resume r-1 --store s3://bucket/runs\n" in capsys.readouterr().err
