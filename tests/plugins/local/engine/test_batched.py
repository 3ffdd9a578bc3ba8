from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from llmops_plugins.local.engine.engine import Engine
from llmops_plugins.local.engine.request import GenerationRequest

from .reference import TEXTS, completion, reference, texts


@contextmanager
def tokens_of_passes(engine: Engine) -> Iterator[list[int]]:
    """How many tokens each pass of the block computes."""
    counts: list[int] = []
    passes: Any = engine._model
    passes = passes._passes
    compute = passes.compute

    def count(tokens: list[int], *rest: object) -> object:
        counts.append(len(tokens))
        return compute(tokens, *rest)

    passes.compute = count
    try:
        yield counts
    finally:
        del passes.compute


def test_a_shared_prefix_is_computed_once_and_changes_nothing(tiny_model: Path, engine: Engine) -> None:
    """Prompts with a long common prefix, including one that is a prefix of another, get their own completions."""
    shared = TEXTS[3]
    prompts = [shared, shared + TEXTS[1], shared + TEXTS[5], shared, shared[: len(shared) // 2]]
    with tokens_of_passes(engine) as computed:
        completions = [
            completion(engine.generate([GenerationRequest(prompt, max_new_tokens=12)])) for prompt in prompts
        ]
    assert [reference(tiny_model, prompt, 12) for prompt in prompts] == [one.text for one in completions]
    assert sum(one.prompt_tokens + one.output_tokens for one in completions) / 2 > sum(computed)


def test_only_the_uncached_tokens_of_prompts_count_towards_a_pass(engine: Engine) -> None:
    """Prompts that would fill several passes take one, if all but their last tokens are cached already."""
    shared = TEXTS[3] * 2
    cached = completion(engine.generate([GenerationRequest(shared, max_new_tokens=1)])).prompt_tokens
    with tokens_of_passes(engine) as passes:
        engine.generate([GenerationRequest(f"{shared} {end}", max_new_tokens=1) for end in "abcde"])
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
