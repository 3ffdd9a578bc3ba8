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
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Both plugins; FMEval is not run here, and need not be installed."""
    monkeypatch.setattr("llmops_plugins.fmeval.options.problem_with", lambda _python: "")
    made = Registry()
    made.add("fmeval", fmeval_hooks, distribution="llmops-sdk")
    made.add("metrics", metrics_hooks, distribution="llmops-sdk")
    return made


@pytest.mark.parametrize(
    ("task", "given", "reference", "fast", "true"),
    [
        ("factual-knowledge", {}, "Berlin<OR>", "is empty", "Berlin<OR>"),
        ("factual-knowledge", {}, ["Rome<OR>1", "Bonn"], 0.0, "Rome<OR>1<OR>Bonn"),
        ("classification-accuracy", LABELS, 1, 1.0, "1"),
        ("classification-accuracy", LABELS, True, 0.0, "true"),
        ("classification-accuracy", LABELS, "3", "is none of valid_labels", "3"),
        ("classification-accuracy", {"valid_labels": ["rome", "bonn"]}, "Rome", 1.0, "Rome"),
        ("summarization-accuracy", {"metrics": ["rouge1"]}, ["x", "Rome 1"], 1.0, Unscorable("holds no text but list")),
        ("qa-accuracy", {}, ["Rome", 1], "holds no text but int", Unscorable("holds no text but int")),
    ],
)
def test_what_the_two_make_of_a_reference(
    registry: Registry,
    tmp_path: Path,
    task: str,
    given: Mapping[str, Any],
    reference: Any,
    fast: float | str,
    true: str | Unscorable,
) -> None:
    """The output is "Rome 1"; expected is the value or the reason of the fast one, and the target that FMEval is given."""
    context = make_context(tmp_path)
    generation = Generation(0, {"instruction": "?", "response": reference}, TextPrompt("?", ""), Answer("Rome 1"))
    ours = registry.make("evaluator", task, given)
    shared = {name: value for name, value in given.items() if name != "metrics"}
    theirs = registry.make("evaluator", f"fmeval-{task}", shared).row(context, generation)
    (found,) = ours.evaluate(context, [generation])

    if isinstance(fast, str):
        assert fast in getattr(found, "error", "")
    else:
        assert isinstance(found, Scored)
        assert fast == next(iter(found.scores.values()))
    if isinstance(true, Unscorable):
        assert true.reason in getattr(theirs, "reason", "")
    else:
        assert true == theirs["target_output"]


def test_the_table_has_a_row_for_each_difference() -> None:
    """In the page that tells of FMEval."""
    page = (Path(__file__).parents[3] / "docs/how-to/fmeval.md").read_text(encoding="utf-8")
    table = page.partition("## Where the two differ")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]

    assert all(any(said in row for row in rows) for said in ("Berlin<OR>", "delimiter", "`valid_labels`", "a list"))
