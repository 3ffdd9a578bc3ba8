from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoTokenizer  # noqa: E402

from llmops_plugins.local.engine.engine import Engine  # noqa: E402
from llmops_plugins.local.engine.request import GenerationRequest  # noqa: E402

from .reference import CPU, TEXTS, completion, reference, scored, scoring, texts, token_log_probabilities  # noqa: E402


def test_a_shared_prefix_is_computed_once_and_changes_nothing(tiny_model: Path, engine: Engine) -> None:
    """Prompts with a long common prefix, including one that is a prefix of another, get their own completions."""
    shared = TEXTS[3]
    prompts = [shared, shared + TEXTS[1], shared + TEXTS[5], shared, shared[: len(shared) // 2]]
    computed: list[int] = []
    model: Any = engine._model
    forward = model._forward

    def count(tokens: list[int], *rest: object) -> object:
        computed.append(len(tokens))
        return forward(tokens, *rest)

    model._forward = count
    try:
        completions = [
            completion(engine.generate([GenerationRequest(prompt, max_new_tokens=12)])) for prompt in prompts
        ]
    finally:
        del model._forward
    assert [reference(tiny_model, prompt, 12) for prompt in prompts] == [one.text for one in completions]
    assert sum(one.prompt_tokens for one in completions) / 2 > sum(computed)


def test_only_the_uncached_tokens_of_prompts_count_towards_a_pass(engine: Engine) -> None:
    """Prompts that would fill several passes take one, if all but their last tokens are cached already."""
    shared = TEXTS[3] * 2
    cached = completion(engine.generate([GenerationRequest(shared, max_new_tokens=1)])).prompt_tokens
    passes: list[int] = []
    model: Any = engine._model
    forward = model._forward

    def count(tokens: list[int], *rest: object) -> object:
        passes.append(len(tokens))
        return forward(tokens, *rest)

    model._forward = count
    try:
        engine.generate([GenerationRequest(f"{shared} {end}", max_new_tokens=1) for end in "abcde"])
    finally:
        del model._forward
    assert 5 * cached > 512
    assert 1 == len(passes)


def test_a_prefix_that_is_overwritten_in_the_same_pass_is_not_reused(tiny_model: Path, engine: Engine) -> None:
    """Two rows that swap their prefixes get the right completions."""
    one, two = TEXTS[3], TEXTS[1] + TEXTS[5]
    engine.generate([GenerationRequest(one, max_new_tokens=2), GenerationRequest(two, max_new_tokens=2)])
    outcomes = engine.generate(
        [GenerationRequest(two + "x", max_new_tokens=8), GenerationRequest(one + "x", max_new_tokens=8)]
    )
    assert [reference(tiny_model, prompt + "x", 8) for prompt in (two, one)] == texts(outcomes)


def _mistral(vocabulary: int) -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, sliding_window=12, eos_token_id=None,
    ))  # fmt: skip


def _gpt2(vocabulary: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=512, eos_token_id=None)
    )


def _gemma2(vocabulary: int) -> Any:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return Gemma2ForCausalLM(Gemma2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=512, sliding_window=12, eos_token_id=None,
    ))  # fmt: skip


def _bloom(vocabulary: int) -> Any:
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=2, n_head=4, eos_token_id=None))


@pytest.mark.parametrize(
    ("make", "batched"),
    [
        pytest.param(_mistral, True, id="sliding window"),
        pytest.param(_gpt2, True, id="learned positions"),
        pytest.param(_gemma2, False, id="capped logits"),
        pytest.param(_bloom, False, id="no replaceable attention"),
    ],
)
def test_other_architectures_complete_as_transformers_does(
    make: Callable[[int], Any],
    batched: bool,  # noqa: FBT001
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    """Batched where the architecture allows; else row by row, completions out by comparison when it is loaded.

    Prompts have the log-probabilities that transformers computes, even if their logits are computed in slices.
    """
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(1)
    model = make(len(tokenizer))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(tmp_path)
    other = Engine(tmp_path, CPU, max_batch=3)
    completions = texts(other.generate([GenerationRequest(text, max_new_tokens=14) for text in TEXTS[:5]]))
    assert batched == other.batched
    assert [reference(tmp_path, text, 14) for text in TEXTS[:5]] == completions
    for most in (10_000, 20):
        row_model: Any = other._model
        row_model._max_scored = most
        for text, (_, *scores) in zip(TEXTS[:5], scored(other.generate(scoring(*TEXTS[:5]))), strict=True):
            assert token_log_probabilities(tmp_path, text) == pytest.approx(scores, abs=1e-3)
