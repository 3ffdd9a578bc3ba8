"""Where FMEval's evaluators and those without it differ on a record: the table in docs/how-to/fmeval.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.fmeval import hooks as fmeval_hooks
from llmops_plugins.fmeval.rows import Unscorable
from llmops_plugins.metrics import hooks as metrics_hooks
from llmops_sdk.plugin import Answer, Generation, Scored, TextPrompt
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

LABELS = {"valid_labels": ["1", "2", "true"]}


@pytest.fixture
def registry() -> Registry:
    """Both plugins; FMEval is not run here."""
    registry = Registry()
    registry.add("fmeval", fmeval_hooks, distribution="llmops-sdk")
    registry.add("metrics", metrics_hooks, distribution="llmops-sdk")
    return registry


@pytest.mark.parametrize(
    ("task", "options", "reference", "fast", "target"),
    [
        ("factual-knowledge", {}, "Berlin<OR>", "is empty", "Berlin<OR>"),
        ("factual-knowledge", {}, ["Rome<OR>1", "Bonn"], 0.0, "Rome<OR>1<OR>Bonn"),
        ("classification-accuracy", LABELS, 1, 1.0, "1"),
        ("classification-accuracy", LABELS, True, 0.0, "true"),
        ("classification-accuracy", LABELS, "3", "is not one of valid_labels", "3"),
        ("classification-accuracy", {"valid_labels": ["rome", "bonn"]}, "Rome", 1.0, "Rome"),
        ("summarization-accuracy", {"metrics": ["rouge1"]}, ["x", "Rome 1"], 1.0, Unscorable("must be text, not list")),
        ("qa-accuracy", {}, ["Rome", 1], "must be text, not int", Unscorable("must be text, not int")),
    ],
)
def test_the_two_evaluators_of_a_task_read_a_reference_differently(
    registry: Registry,
    tmp_path: Path,
    task: str,
    options: Mapping[str, Any],
    reference: Any,
    fast: float | str,
    target: str | Unscorable,
) -> None:
    """The output is "Rome 1"; expected are the value or the reason of the fast evaluator, and the target that FMEval gets."""
    context = make_context(tmp_path)
    generation = Generation(0, {"instruction": "?", "response": reference}, TextPrompt("?", ""), Answer("Rome 1"))
    ours = registry.make("evaluator", task, options)
    shared = {name: value for name, value in options.items() if name != "metrics"}
    theirs = registry.make("evaluator", f"fmeval-{task}", shared).row(context, generation)
    (score,) = ours.evaluate(context, [generation])

    if isinstance(fast, str):
        assert fast in getattr(score, "error", "")
    else:
        assert isinstance(score, Scored)
        assert fast == next(iter(score.scores.values()))
    if isinstance(target, Unscorable):
        assert target.reason in getattr(theirs, "reason", "")
    else:
        assert target == theirs["target_output"]


def test_the_table_has_a_row_for_each_difference() -> None:
    """The table of the page on FMEval."""
    page = (Path(__file__).parents[3] / "docs/how-to/fmeval.md").read_text(encoding="utf-8")
    table = page.partition("## Where the two differ")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]

    assert all(any(text in row for row in rows) for text in ("Berlin<OR>", "delimiter", "`valid_labels`", "a list"))
