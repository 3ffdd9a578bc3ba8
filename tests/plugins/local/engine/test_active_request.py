from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import attrs  # noqa: E402

from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest, Rejection  # noqa: E402

from .reference import CPU, TEXTS, scoring  # noqa: E402


def test_logits_that_are_not_finite_are_the_models_fault(tiny_model: Path) -> None:
    """A diverged fine-tuned model is rejected with the reason, instead of generating token 0 forever."""
    broken = Engine(tiny_model, CPU)
    model: Any = broken._model
    with torch.no_grad():
        model._model.model.norm.weight.fill_(float("nan"))
    (outcome,) = broken.generate([GenerationRequest(TEXTS[0], max_new_tokens=4)])
    assert isinstance(outcome, Rejection)
    assert ("model", True) == (outcome.fault, "finite" in outcome.reason)


def test_a_log_probability_that_is_not_finite_is_the_models_fault(tiny_model: Path) -> None:
    """The request is rejected, as if the next token had no finite logits; it is never completed with NaN."""
    broken = Engine(tiny_model, CPU)
    model: Any = broken._model
    prefill = model.prefill

    def prefill_with_minus_infinity(*arguments: object) -> object:
        result = prefill(*arguments)
        return attrs.evolve(result, log_probabilities=[[*one[:-1], float("-inf")] for one in result.log_probabilities])

    model.prefill = prefill_with_minus_infinity
    (outcome,) = broken.generate(scoring(TEXTS[0]))
    assert isinstance(outcome, Rejection)
    assert ("model", True) == (outcome.fault, "no finite numbers" in outcome.reason)
