"""Trials of evaluators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from llmops_sdk.plugin import Context, Evaluator, EvaluatorCard, Generation, Metric, RecordScore, Scored, Unscored

from .conftest import Try, text


class Exact(Evaluator):
    """A good evaluator, which subclasses spoil."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("exact", bounds=(0.0, 1.0)),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        for generation in generations:
            yield from self.score(generation)

    def score(self, generation: Generation) -> Iterator[Any]:
        """Yield what a generation gets."""
        if "response" not in generation.record:
            yield Unscored(generation.index, "no response")
            return
        yield Scored(generation.index, {"exact": float(generation.output == generation.record["response"])})


class NoMetrics(Exact):
    """Declares none."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return ()


class Skips(Exact):
    """Leaves records out."""

    def score(self, generation: Generation) -> Iterator[Any]:
        return super().score(generation) if generation.index % 2 else iter(())


class YieldsNumbers(Exact):
    """Yields a number."""

    def score(self, generation: Generation) -> Iterator[Any]:
        yield 0.5


class OtherMetric(Exact):
    """Misspells its metric."""

    def score(self, generation: Generation) -> Iterator[Any]:
        yield Scored(generation.index, {"exakt": 1.0})


class OutOfBounds(Exact):
    """Scores above its bounds."""

    def score(self, generation: Generation) -> Iterator[Any]:
        yield Scored(generation.index, {"exact": 2.0})


class NeedsWords(Exact):
    """Fails for some outputs."""

    def score(self, generation: Generation) -> Iterator[Any]:
        yield Scored(
            generation.index,
            {"exact": 1 / max(2, len(generation.output.split())) * generation.output.split().index("It")},
        )


class ScoresNothing(Exact):
    """Needs another field."""

    def score(self, generation: Generation) -> Iterator[Any]:
        yield Unscored(generation.index, "no field 'label'")


def card(cls: type) -> EvaluatorCard:
    """Return the card of a class of this module."""
    return EvaluatorCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")


def test_a_good_evaluator_breaks_nothing(tried: Try) -> None:
    """The result has the scores of the usual answers, every other one of which is right."""
    outcome = tried(card(Exact))

    assert [] == outcome.problems
    assert [1.0, 0.0, 1.0, 0.0, 1.0, 0.0] == [score["exact"] for score in outcome.result["scores"]]
    assert {"interface", "numbers", "bounds", "alone", "empty-input"} <= set(outcome.kept)


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (NoMetrics, "interface: metrics are (), not a tuple of Metric"),
        (Skips, "interface: evaluate yielded scores of the records [1, 3, 5], not one for each of [0, 1, 2, 3, 4, 5]"),
        (YieldsNumbers, "interface: evaluate yielded 0.5, no Scored, Unscored or Pending"),
        (OtherMetric, "interface: record 0 has the metric 'exakt', which is not among metrics"),
        (OutOfBounds, "bounds: record 0: exact is 2.0, outside 0.0 to 1.0"),
        (NeedsWords, "interface: evaluate: ValueError"),
        (ScoresNothing, "inputs: no generation was scored (no field 'label'); generations= gives others"),
    ],
)
def test_what_breaks_the_contract_is_named(tried: Try, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(card(cls)))
