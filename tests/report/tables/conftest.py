"""A run in which every state of a score occurs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result
from llmops_sdk.plugin import (
    Context,
    Evaluator,
    EvaluatorCard,
    Generation,
    Metric,
    Pending,
    RecordScore,
    Scored,
    Unscored,
    hookimpl,
)

RECORDS = [
    {"id": str(number), "instruction": f"say {number}", "response": text, "page": {"of": number % 2}}
    for number, text in enumerate(["good", "partial", "unusable", "undefined", "pending", "good"])
]


class Choosy(Evaluator):
    """Scores an answer as its text asks for."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (
            Metric("quality", "Quality", bounds=(0.0, 1.0)),
            Metric("cost", "Cost", higher_is_better=False, bounds=(0.0, 9.0)),
        )

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        for generation in generations:
            index, output = generation.index, generation.output
            if output == "unusable":
                yield Unscored(index, "no JSON", is_failure=True)
            elif output == "undefined":
                yield Unscored(index, "no reference")
            elif output == "pending":
                yield Pending(index, "the judge is busy")
            elif output == "partial":
                yield Scored(index, {"quality": 0.5}, notes={"left_out": "cost: no price"})
            else:
                yield Scored(index, {"quality": 1.0, "cost": 2.0})


class ChoosyPlugin:
    """Offers the evaluator."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Return its card."""
        return (
            EvaluatorCard(name="choosy", summary="scores an answer as its text asks for", load=f"{__name__}:Choosy"),
        )


@pytest.fixture(name="states")
def _states(registry: Registry, tmp_path: Path, home: Path) -> Result:  # noqa: ARG001 - a cache of its own
    """Recorded answers as the records' texts; candidate `late` lacks the first record, and refused the second."""
    registry.add("choosy", ChoosyPlugin())
    data, old, late = tmp_path / "data.jsonl", tmp_path / "old.jsonl", tmp_path / "late.jsonl"
    answers = [{"id": record["id"], "output": record["response"], "latency_ms": 250} for record in RECORDS]
    for path, rows in ((data, RECORDS), (old, answers), (late, answers[1:])):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return (
        Pipeline.builder("states")
        .with_dataset("file", name="says", path=str(data), test_fraction=1.0, group="page.of")
        .with_prompt("chat")
        .with_model("recorded", name="old", path=str(old))
        .with_model("recorded", name="late", path=str(late))
        .with_evaluator("choosy")
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
    )
