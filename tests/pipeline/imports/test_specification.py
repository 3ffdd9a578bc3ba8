"""The specification of a comparison."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.pipeline.imports.entries import arrange
from llmops_sdk.pipeline.imports.metrics import choose_metrics
from llmops_sdk.pipeline.imports.normal_form import BoardFile, NormalForm
from llmops_sdk.pipeline.imports.specification import Decision, make_specification
from llmops_sdk.plugin import Metric

from .sources import entry


def test_it_is_an_ordinary_pipeline() -> None:
    """A dataset, a model of recorded answers for each candidate, and the evaluator that takes their scores over."""
    agreed = ({"grader of m": "v1", "version": "1", "grader of other": "x"}, {"grader of m": "v2", "version": "1"})
    entries = [
        entry(name, source=number, number=number, scores={"m": [0.5]}, must_agree=agreed[number])
        for number, name in enumerate("ab")
    ]
    metric = Metric("m", "M", higher_is_better=False, bounds=(0.0, 1.0))
    chosen = choose_metrics(arrange(entries), {0: [metric], 1: [metric]}, "", {})
    board = BoardFile("d", Path("records-d.jsonl"), records=1, grouped=1)
    answers = {name: Path(f"answers-{name}.jsonl") for name in "ab"}

    spec = make_specification(
        chosen,
        NormalForm((board,), answers),
        Path("/runs"),
        {"d": ["So.", "And so."]},
        Decision(name="x", baseline="a", margin=0.1),
    )

    assert ("x", "m", "a", 0.1) == (spec.name, spec.decide_by, spec.baseline, spec.margin)
    records = {"path": "/runs/records-d.jsonl", "group": "group", "caveat": "So. And so."}
    assert [("imported", "d", records)] == [(each.use, each.name, each.options) for each in spec.datasets]
    assert ["a", "b"] == [model.name for model in spec.models]
    answers_of_a = {"path": "/runs/answers-a.jsonl", "id": "pairing_key", "scores": {"m": "score of m"}}
    assert answers_of_a == spec.models[0].options
    (scores,) = spec.evaluators
    described = {"name": "m", "label": "M", "higher_is_better": False, "bounds": [0.0, 1.0]}
    assert [described] == scores.options["metrics"]
    assert {"grader of m": "a: v1; b: v2", "version": "1"} == scores.options["origin"]
