"""Which evaluators score a cell."""

from __future__ import annotations

from llmops_sdk import Pipeline, Registry
from llmops_sdk.steps.cell.evaluators import evaluators_of


def test_one_scores_what_is_asked_besides(registry: Registry) -> None:
    """The one whose metric decides there; all score the other cells."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_model("echo")
    pipeline = pipeline.with_evaluator("echo-score").with_evaluator("echo-probes")

    plan = pipeline.with_retention(decide_by="steady", margin=0.1).build(registry)

    assert plan.retention is not None
    names = [[each.name for each in evaluators_of(plan, cell)] for cell in (plan.cells[0], plan.retention.cells[0])]
    assert [["echo-score", "echo-probes"], ["echo-probes"]] == names
