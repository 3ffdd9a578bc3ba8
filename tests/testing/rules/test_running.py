"""Trials of reporters and executors."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmops_sdk.testing
from llmops_sdk import Progress, Registry
from llmops_sdk.plugin import Context, Reporter, ReporterCard, Run
from llmops_sdk.testing.small_run import run_small

from .conftest import Try, text


class Page(Reporter):
    """A good reporter, which subclasses spoil."""

    def report(self, context: Context, run: Run) -> None:
        run.put("page.txt", run.results().leaderboards[0].verdict.text.encode())


class PutsIntoTheStore(Page):
    """Writes beside the run."""

    def report(self, context: Context, run: Run) -> None:
        run.store.put("page.txt", b"x")


class NeedsTwo(Page):
    """Fails for a run with one candidate."""

    def report(self, context: Context, run: Run) -> None:
        run.put("page.txt", run.results().leaderboards[0].cells[5].candidate.encode())


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A finished run."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    store = tmp_path_factory.mktemp("runs")
    return str(store), run_small({}, registry, store, Progress()).run.id


def card(cls: type) -> ReporterCard:
    """Return the card of a class of this module."""
    return ReporterCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")


def test_the_files_of_a_reporter_are_compared(tried: Try, run: tuple[str, str]) -> None:
    """Those that it keeps with the run; the run that others are tried with stays as it was."""
    outcome = tried(card(Page), run=run)

    assert [] == outcome.problems
    assert [f"runs/{run[1]}/page.txt"] == list(outcome.result["of the run"])
    assert not list(Path(run[0]).rglob("page.txt"))


def test_what_breaks_the_contract_is_named(tried: Try, run: tuple[str, str]) -> None:
    """Files that are not of the run, and what is raised."""
    assert "own-folder: it changed 'page.txt' of the store" in text(tried(card(PutsIntoTheStore), run=run))
    assert "interface: report: IndexError" in text(tried(card(NeedsTwo), run=run))


def test_an_executor_runs_a_small_pipeline(tried: Try, registry: Registry) -> None:
    """The result has the scores."""
    outcome = tried(registry.offer("executor", "local").card)

    assert [] == outcome.problems
    assert [{"loud": 1.0, "quiet": 0.0}] == outcome.result
