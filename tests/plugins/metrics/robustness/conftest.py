"""Generations with answered probes, and the two kinds of evaluators."""

from __future__ import annotations

from typing import Any

from llmops_plugins.metrics.robustness.evaluators import (
    QAAccuracySemanticRobustness,
)
from llmops_plugins.metrics.robustness.general import GeneralSemanticRobustness
from llmops_plugins.metrics.robustness.options import (
    GeneralSemanticRobustnessOptions,
    QAAccuracySemanticRobustnessOptions,
)
from llmops_sdk.plugin import (
    Answer,
    Answered,
    Generation,
    Outcome,
    TextPrompt,
)


def generation(
    output: str, *changed: str | Outcome, response: Any = "Rome", index: int = 10, **again: str
) -> Generation:
    """Return a generation whose probes "0", "1", ... have these outputs."""
    outcomes = {str(number): outcome for number, outcome in enumerate(changed)} | {
        name.replace("_", "-"): outcome for name, outcome in again.items()
    }
    return Generation(
        index,
        {"instruction": "What is the capital?", "response": response},
        TextPrompt("Question: What is the capital?\nAnswer:", ""),
        Answer(output),
        probes={
            name: Answered(0, Answer(outcome)) if isinstance(outcome, str) else outcome
            for name, outcome in outcomes.items()
        },
    )


def qa(**options: Any) -> QAAccuracySemanticRobustness:
    """Return an evaluator of differences of accuracy."""
    return QAAccuracySemanticRobustness(QAAccuracySemanticRobustnessOptions(**options))


def general(**options: Any) -> GeneralSemanticRobustness:
    """Return an evaluator of differences of the outputs themselves."""
    return GeneralSemanticRobustness(GeneralSemanticRobustnessOptions(**options))
