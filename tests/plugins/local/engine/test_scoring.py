from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import attrs  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from llmops_plugins.local.device import Device  # noqa: E402
from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest  # noqa: E402
from llmops_plugins.local.engine.scoring import max_scored_tokens  # noqa: E402

from .reference import TEXTS, completion, reference, scored, scoring, submit, texts, token_log_probabilities  # noqa: E402


def test_the_log_probabilities_of_a_prompt_are_those_of_transformers(tiny_model: Path, engine: Engine) -> None:
    """Token by token and in their sum, alone and in a batch with other requests, scored or not."""
    others = [GenerationRequest(text, max_new_tokens=9) for text in TEXTS]
    alone = [scored(engine.generate([request]))[0] for request in scoring(*TEXTS)]
    submitted = [submit(engine, request) for request in others[:2]]
    engine.advance()
    together = engine.generate([request for pair in zip(scoring(*TEXTS), others, strict=True) for request in pair])
    for text, single, batched in zip(TEXTS, alone, scored(together[::2]), strict=True):
        expected = token_log_probabilities(tiny_model, text)
        for first, *scores in (single, batched):
            assert first is None
            assert expected == pytest.approx(scores, abs=1e-4)
            assert sum(expected) == pytest.approx(sum(scores), rel=1e-5)
    assert [reference(tiny_model, text, 9) for text in TEXTS] == texts(together[1::2])
    assert [reference(tiny_model, text, 9) for text in TEXTS[:2]] == texts([one.outcome for one in submitted])


def test_scoring_changes_no_completion(engine: Engine) -> None:
    """The completion after a scored prompt is that after the plain one; only the scored one has the prompt's tokens."""
    plain, full = (
        completion(engine.generate([GenerationRequest(TEXTS[1], max_new_tokens=9, scores_prompt=scores)]))
        for scores in (False, True)
    )
    assert attrs.evolve(full, prompt=()) == plain
    assert plain.prompt_tokens == len(full.prompt)


def test_the_tokens_of_a_prompt_have_their_ids_and_texts(tiny_model: Path, engine: Engine) -> None:
    """A special token is shown as it is written; the texts together are the prompt."""
    prompt = f"<|im_start|>{TEXTS[5]}"
    tokens = completion(engine.generate(scoring(prompt))).prompt
    assert AutoTokenizer.from_pretrained(tiny_model)(prompt)["input_ids"] == [token.id for token in tokens]
    assert "<|im_start|>" == tokens[0].text
    assert prompt == "".join(token.text for token in tokens)


def test_a_prompt_of_one_token_has_no_probability(engine: Engine) -> None:
    """There is no token before it."""
    assert [[None]] == scored(engine.generate(scoring("x")))


def test_a_cached_prefix_is_computed_again_for_its_probabilities(tiny_model: Path, engine: Engine) -> None:
    """A prompt that a row holds already is scored in full, and a scored prompt is shared with later prompts."""
    shared = TEXTS[3]
    engine.generate([GenerationRequest(shared, max_new_tokens=3)])
    (scores,) = scored(engine.generate(scoring(shared)))
    assert token_log_probabilities(tiny_model, shared) == pytest.approx(scores[1:], abs=1e-4)
    longer = shared + TEXTS[1]
    assert (
        reference(tiny_model, longer, 8)
        == completion(engine.generate([GenerationRequest(longer, max_new_tokens=8)])).text
    )


@pytest.mark.parametrize("most", [1, 7, 40])
def test_the_logits_of_a_long_prompt_are_computed_in_slices(tiny_model: Path, most: int, device: Device) -> None:
    """No pass has more of them than allowed, plus one for each plain prompt; the probabilities stay the same."""
    sliced = Engine(tiny_model, device)
    model: Any = sliced._model
    model._max_scored = most
    compute, kept = model._passes.compute, []

    def count(tokens: list[int], positions: list[int], keep: list[int], segments: object) -> object:
        kept.append(len(keep))
        return compute(tokens, positions, keep, segments)

    model._passes.compute = count
    outcomes = sliced.generate([*scoring(*TEXTS[1:4]), GenerationRequest(TEXTS[5], max_new_tokens=6)])
    for text, (_, *scores) in zip(TEXTS[1:4], scored(outcomes[:3]), strict=True):
        assert token_log_probabilities(tiny_model, text) == pytest.approx(scores, abs=1e-4)
    assert reference(tiny_model, TEXTS[5], 6) == texts(outcomes)[3]
    assert max(kept) <= most + 1


def test_a_slice_is_smaller_for_a_larger_vocabulary() -> None:
    """Its logits take the same memory; at least one token is always scored."""
    assert (512, 128, 1) == tuple(max_scored_tokens(size) for size in (1 << 15, 1 << 17, 1 << 30))


def test_the_likeliest_token_and_a_greedy_prompt_have_one_score(engine: Engine) -> None:
    """The number of a prompt's token is exactly that of the same token among its alternatives: others compare them."""
    (plain,) = engine.generate([GenerationRequest(TEXTS[0], max_new_tokens=6)])
    greedy = TEXTS[0] + completion([plain]).text
    request = GenerationRequest(greedy, max_new_tokens=1, scores_prompt=True, alternatives=1)
    tokens = completion(engine.generate([request])).prompt
    assert (None, ()) == (tokens[0].log_probability, tokens[0].alternatives)
    likeliest = [token.alternatives[0].log_probability for token in tokens[1:]]
    is_likeliest = [token.log_probability == best for token, best in zip(tokens[1:], likeliest, strict=True)]
    assert [token.id == token.alternatives[0].id for token in tokens[1:]] == is_likeliest
    assert any(is_likeliest)
    assert not all(is_likeliest)


def test_scores_in_bfloat16_are_those_of_transformers(tiny_model: Path) -> None:
    """Apart from the format's rounding; the softmax itself is computed in float32."""
    engine = Engine(tiny_model, Device("cpu", "", "bfloat16"))
    for text, (_, *scores) in zip(TEXTS, scored(engine.generate(scoring(*TEXTS))), strict=True):
        expected = token_log_probabilities(tiny_model, text, torch.bfloat16)
        assert expected == pytest.approx(scores, abs=0.15)
        assert sum(expected) == pytest.approx(sum(scores), rel=5e-3)
