"""Text metrics of single outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.text.evaluator import TextMetrics
from llmops_plugins.metrics.text.options import (
    TextMetricsOptions,
)
from llmops_sdk.plugin import Answer, Context, Generation, RecordScore, Scored, TextPrompt
from llmops_sdk.testing import make_context

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]
Score = Callable[..., RecordScore]
Values = Callable[..., Mapping[str, float]]


@pytest.fixture(name="step")
def _step(tmp_path: Path) -> Context:
    """The context of a `score` step."""
    return make_context(tmp_path / "step")


@pytest.fixture(name="score")
def _score(step: Context) -> Score:
    """Score one output of a record, with options."""

    def score(output: str, record: Mapping[str, Any], **options: Any) -> RecordScore:
        generation = Generation(7, record, TextPrompt("?", ""), Answer(output))
        (result,) = TextMetrics(TextMetricsOptions(**options)).evaluate(step, [generation])
        return result

    return score


@pytest.fixture(name="values")
def _values(score: Score) -> Values:
    """Return the values of one output, which must have some."""

    def values(output: str, record: Mapping[str, Any], **options: Any) -> Mapping[str, float]:
        result = score(output, record, **options)
        assert isinstance(result, Scored), result
        return result.scores

    return values
