"""The decorators: they leave a function as it is, and refuse what they cannot mark."""

from __future__ import annotations

import pytest

from llmops_sdk import Metric, SpecError, dataset, metric, prompt, target
from llmops_sdk.functions.definition import definition_of


def test_a_function_stays_what_it_is() -> None:
    """It can be called in a test or a notebook; the arguments of the decorator are kept beside it."""

    @metric(higher_is_better=False, bounds=(0, 10), label="Words")
    def words(output: str) -> int:
        """Count words."""
        return len(output.split())

    marked = definition_of(words)

    assert 2 == words("two words")
    assert marked is not None
    assert ("metric", "words", "Count words.") == (marked.kind, marked.name, marked.summary)
    assert (False, (0, 10), "Words") == tuple(marked.settings[key] for key in ("higher_is_better", "bounds", "label"))


def test_the_decorators_work_without_brackets() -> None:
    """`@dataset` and `@dataset()` are the same."""
    marked = [
        definition_of(decorator(_plain)) for decorator in (dataset, dataset(), prompt, prompt(), target, target())
    ]

    assert ["dataset", "dataset", "prompt", "prompt", "target", "target"] == [each.kind for each in marked if each]


def _plain() -> None:
    """Nothing."""


def test_a_class_is_no_function() -> None:
    """Nor is anything else that can be called."""
    with pytest.raises(SpecError, match=r"@metric marks a plain function, not <class 'int'>"):
        metric(int)


def test_data_and_prompts_are_no_coroutines() -> None:
    """They are read one after the other."""

    async def later() -> None:
        """Nothing."""

    for decorator in (dataset, prompt):
        with pytest.raises(SpecError, match="'later' is an async def: only metrics and targets may be"):
            decorator(later)


def test_contradictory_arguments_are_refused() -> None:
    """Metrics have their own names and bounds; concurrency is a number; stop strings are a list."""
    with pytest.raises(SpecError, match="stand there, not beside it"):
        metric(metrics=[Metric("a")], label="A")
    with pytest.raises(SpecError, match="concurrency is a number of calls, at least 1, not 0"):
        target(concurrency=0)
    with pytest.raises(SpecError, match=r"@prompt: stop is a list of texts: stop=\['###'\]"):
        prompt(stop="###")
