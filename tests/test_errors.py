"""Errors: their tree, and the suggestions in their messages."""

from __future__ import annotations

import pytest

from llmops_sdk import EndpointError, LLMOpsError, RunInterrupted, SpecError, UserError
from llmops_sdk.errors import RequestError, did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "suggestion"),
    [
        ("stf", ["sft", "dpo"], "; did you mean 'sft'?"),
        ("zzz", ["sft", "dpo", "sft"], "; known: dpo, sft"),
        ("zzz", [], "; none is installed"),
        ("max_tokens", ["max_new_tokens", "temperature"], "; did you mean 'max_new_tokens'?"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one_or_all(name: str, known: list[str], suggestion: str) -> None:
    """The names are sorted, each once."""
    assert suggestion == did_you_mean(name, known)


def test_errors_are_caught_by_their_root() -> None:
    """The user's mistakes are apart from failures of endpoints."""
    assert issubclass(SpecError, UserError)
    assert issubclass(UserError, LLMOpsError)
    assert issubclass(EndpointError, LLMOpsError)
    assert not issubclass(EndpointError, UserError)


def test_a_request_error_is_retryable_or_not() -> None:
    """It also has the seconds that the endpoint asked to wait."""
    error = RequestError("slow down", retryable=True, retry_after=3.0)

    assert ("slow down", True, 3.0) == (str(error), error.retryable, error.retry_after)


def test_an_interrupted_run_is_named() -> None:
    """It is a `KeyboardInterrupt`: `except Exception` does not catch it."""
    interrupt = RunInterrupted("run-1", "/runs")

    assert ("run-1", "/runs") == (interrupt.run_id, interrupt.store)
    assert isinstance(interrupt, KeyboardInterrupt)
    assert not isinstance(interrupt, Exception)
    assert [str(interrupt)] == interrupt._render_traceback_()
