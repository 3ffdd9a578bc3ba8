from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.model import make_row_model
from llmops_plugins.local.engine.request import GenerationRequest
from llmops_plugins.local.weights.loading import load_model

from ..architectures import save_model
from .reference import CPU, TEXTS, completion, reference, scored, scoring, texts, token_log_probabilities


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


@pytest.mark.parametrize(
    ("architecture", "batching"),
    [
        ("qwen3", "continuous"),
        ("qwen3-moe", "continuous"),
        ("gemma2", "none: Gemma2ForCausalLM has attention with softcap"),
        ("gemma3", "continuous"),
        ("mistral", "continuous"),
        ("mixtral", "continuous"),
        ("gpt2", "continuous"),
        ("bloom", "none: BloomForCausalLM has "),
    ],
)
def test_other_architectures_complete_as_transformers_does(
    architecture: str, batching: str, tiny_model: Path, tmp_path: Path
) -> None:
    """Batched where the architecture allows; else row by row, completions out by comparison when it is loaded.

    Prompts have the log-probabilities that transformers computes, even if their logits are computed in slices.
    """
    folder = save_model(architecture, tmp_path, tiny_model)
    other = Engine(folder, CPU, max_batch=3)
    completions = texts(other.generate([GenerationRequest(text, max_new_tokens=14) for text in TEXTS[:5]]))
    assert other.batching.startswith(batching)
    assert [reference(folder, text, 14) for text in TEXTS[:5]] == completions
    for most in (10_000, 20):
        row_model: Any = other._model
        row_model._max_scored = most
        for text, (_, *scores) in zip(TEXTS[:5], scored(other.generate(scoring(*TEXTS[:5]))), strict=True):
            assert token_log_probabilities(folder, text) == pytest.approx(scores, abs=1e-3)


def test_layers_that_do_not_attend_as_configured_are_not_batched(tiny_model: Path, tmp_path: Path) -> None:
    """What the short texts of the comparison cannot show is read from the configuration."""
    model = load_model(save_model("mistral", tmp_path, tiny_model))
    model.config.layer_types = ["sliding_attention", "full_attention"]
    reason = "MistralForCausalLM has attention of the kind full_attention with the window 12"
    assert f"none: {reason}" == make_row_model(model, CPU).batching


@pytest.mark.parametrize("nested", [False, True])
def test_rotations_that_depend_on_the_longest_row_are_not_batched(nested: bool, tiny_model: Path) -> None:  # noqa: FBT001
    """Wherever this version of transformers has them, and for one kind of layer only."""
    model = load_model(tiny_model)
    dynamic: dict[str, Any] = {"rope_type": "dynamic", "rope_theta": 20_000.0, "factor": 2.0}
    name = "rope_parameters" if hasattr(model.config, "rope_parameters") else "rope_scaling"
    setattr(model.config, name, {"full_attention": dynamic} if nested else dynamic)
    assert make_row_model(model, CPU).batching.endswith("positions that depend on a sequence's length")
