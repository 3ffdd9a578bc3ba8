"""How fast endpoints were under load, as `run` and `show` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from llmops_sdk.cli.output.costs.loads import show_loads
from llmops_sdk.cli.output.tables import open_console
from llmops_sdk.plugin import LoadLevel, ModelLoad

from .lines import lines_of

if TYPE_CHECKING:
    import pytest

ONE = LoadLevel(
    1, 120, 0, 60.0, "2026-11-30T08:00:00+00:00", "Linux x86_64, 2 cores", 5, 2.0, 81.6, 0.5, 0.75, 1.25, 0.25
)


def test_a_row_for_each_number_of_requests_at_a_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is not known as a dash, and what failed with its reason."""
    monkeypatch.setenv("COLUMNS", "150")
    few = attrs.evolve(ONE, concurrency=4, requests=12, failed=3, latency_p95=None, latency_p99=None, error="busy")

    show_loads(open_console(), [ModelLoad("base", (ONE, few))])

    shown = lines_of(capsys)
    assert "model at a time requests/s tokens/s p50 p95 p99 first token failed" in shown
    assert "base 1 2 82 0.50 s 0.75 s 1.25 s 0.25 s 0/120" in shown
    assert "4 2 82 0.50 s - - 0.25 s 3/12" in shown
    assert "base: 5 prompts, 2026-11-30, from Linux x86_64, 2 cores" in shown
    assert "base: 3 of 12 requests failed at 4 at a time: busy" in shown


def test_nothing_is_shown_of_a_run_without_load(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor the time to the first token where no answer is streamed."""
    show_loads(open_console(), [])
    assert "" == capsys.readouterr().out

    show_loads(open_console(), [ModelLoad("base", (attrs.evolve(ONE, time_to_first_token_p50=None),))])
    assert "first token" not in capsys.readouterr().out
