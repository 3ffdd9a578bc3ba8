from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import attrs  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest, Rejection  # noqa: E402
from llmops_plugins.local.engine.scoring import TokenScore  # noqa: E402

from .reference import CPU, TEXTS, completion, scoring  # noqa: E402


def test_logits_that_are_not_finite_are_the_models_fault(tiny_model: Path) -> None:
    """A diverged fine-tuned model is rejected with the reason, instead of generating token 0 forever."""
    broken = Engine(tiny_model, CPU)
    model: Any = broken._model
    with torch.no_grad():
        model._passes._model.model.norm.weight.fill_(float("nan"))
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
        return attrs.evolve(result, scores=[[*one[:-1], TokenScore(float("-inf"))] for one in result.scores])

    model.prefill = prefill_with_minus_infinity
    (outcome,) = broken.generate(scoring(TEXTS[0]))
    assert isinstance(outcome, Rejection)
    assert ("model", True) == (outcome.fault, "no finite numbers" in outcome.reason)


def test_a_prompt_may_be_scored_without_a_completion(tiny_model: Path) -> None:
    """With no token to generate the request is done after its prompt, and leaves room for others."""
    engine = Engine(tiny_model, CPU, max_batch=1)
    both = engine.generate([attrs.evolve(one, max_new_tokens=0) for one in scoring(TEXTS[0])] + scoring(TEXTS[0]))
    only, completed = (completion([one]) for one in both)
    assert ("", "length", 0, ()) == (only.text, only.finish_reason, only.output_tokens, only.tokens)
    assert only.prompt == completed.prompt


def test_generated_tokens_are_scored_as_transformers_does(tiny_model: Path) -> None:
    """Each with its log-probability before the temperature, and the likeliest tokens in its place, likeliest first."""
    request = GenerationRequest(TEXTS[1], max_new_tokens=7, temperature=1.5, seed=3, scores_tokens=True, alternatives=4)
    plain, scored = Engine(tiny_model, CPU).generate([attrs.evolve(request, scores_tokens=False), request])
    result = completion([scored])
    assert (completion([plain]).text, 7) == (result.text, len(result.tokens))
    ids = [token.id for token in result.prompt] or AutoTokenizer.from_pretrained(tiny_model)(TEXTS[1])["input_ids"]
    ids += [token.id for token in result.tokens]
    with torch.inference_mode():
        logits = AutoModelForCausalLM.from_pretrained(tiny_model)(input_ids=torch.tensor([ids])).logits[0]
    expected = logits[-8:-1].log_softmax(-1)
    for token, row in zip(result.tokens, expected, strict=True):
        assert row[token.id].item() == pytest.approx(token.log_probability, abs=1e-4)
        values, numbers = row.topk(4)
        assert numbers.tolist() == [other.id for other in token.alternatives]
        assert values.tolist() == pytest.approx([other.log_probability for other in token.alternatives], abs=1e-4)
