"""Programs that read what a run concluded, and use it further."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from llmops_sdk import CellResult, Estimate, Result, Sample, Verdict, clean, compare, load, rescore, serve


def decide(result: Result) -> str:
    """Return the best candidate, or an empty text, with its interval."""
    verdict: Verdict = result.decision()
    best: str = verdict.best or ""
    for board in result.leaderboards:
        cells: tuple[CellResult, ...] = board.cells
        estimates: Mapping[str, Estimate] = cells[0].estimates
        print(board.dataset, {name: (one.mean, one.low or 0.0) for name, one in estimates.items()})
    return f"{best}: {verdict.text}"


def read(result: Result) -> list[float]:
    """Return the scores of a candidate's records, in order."""
    samples: list[Sample] = list(result.records("base", "sample", seed=1))
    return [sample.scores["rougeL"] for sample in samples if not sample.pending_scores]


def use() -> Path:
    """Load, score again, compare, serve and report."""
    result = load("latest")
    print(rescore("latest", ["text-metrics"]).failures, clean(older_than="30d").size)
    with serve("latest", candidate="base") as served:
        print(served.url, served.model)
    return compare(["old.csv", "new.csv"]).report("report.html", result)
