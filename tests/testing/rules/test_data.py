"""Trials of datasets, prompts and retrievers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice

import attrs
import pytest

from llmops_sdk.plugin import (
    Context,
    DatasetCard,
    DatasetSource,
    DatasetSplits,
    Hit,
    PromptCard,
    PromptSource,
    PromptTemplate,
    Retriever,
    RetrieverCard,
    TextTemplate,
    write_splits,
)

from .conftest import Try, text

ROWS = [{"instruction": f"q{number}", "context": "", "response": "a"} for number in range(6)]


class Rows(DatasetSource):
    """A good dataset, which subclasses spoil."""

    def load(self, context: Context) -> DatasetSplits:
        return self.spoil(write_splits(context.folder, lambda: iter(ROWS), test_fraction=0.5))

    def spoil(self, splits: DatasetSplits) -> DatasetSplits:
        """Return what is loaded."""
        return splits


class Miscounts(Rows):
    """States another count and hash."""

    def spoil(self, splits: DatasetSplits) -> DatasetSplits:
        return attrs.evolve(splits, test=attrs.evolve(splits.test, records=7, sha256="0"))


class HasNaN(Rows):
    """Has a line that is no JSON."""

    def spoil(self, splits: DatasetSplits) -> DatasetSplits:
        with splits.test.path.open("a") as file:
            file.write('{"instruction": NaN}\n')
        return splits


class Overlaps(Rows):
    """Asks what it trains."""

    def spoil(self, splits: DatasetSplits) -> DatasetSplits:
        return attrs.evolve(splits, train=splits.test)


class IntoTheCache(Rows):
    """Writes into the cache."""

    def load(self, context: Context) -> DatasetSplits:
        return write_splits(context.home / "data", lambda: iter(ROWS), test_fraction=0.5)


class Plain(PromptSource):
    """A good prompt."""

    def template(self) -> PromptTemplate:
        return TextTemplate("{instruction} {context}")


class Brace(PromptSource):
    """Has a brace alone."""

    def template(self) -> PromptTemplate:
        return TextTemplate("{instruction")


class OtherField(PromptSource):
    """Needs another field."""

    def template(self) -> PromptTemplate:
        return TextTemplate("{question}")


def test_good_ones_break_nothing(tried: Try) -> None:
    """The results have the hashes of the splits, and the template with what it renders."""
    dataset = tried(DatasetCard(name="own", summary="own", load=f"{__name__}:Rows"))
    prompt = tried(PromptCard(name="own", summary="own", load=f"{__name__}:Plain"))

    assert ([], []) == (dataset.problems, prompt.problems)
    assert {"fingerprint", "train", "test", "first record"} == dataset.result.keys()
    assert 7 == len(prompt.result["rendered"])


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (Miscounts, "interface: the test split has 3 lines, and records=7"),
        (Miscounts, "interface: sha256 of the test split is not that of its file"),
        (HasNaN, "numbers: test record 3 has NaN"),
        (Overlaps, "interface: 3 records are in both splits"),
        (IntoTheCache, "own-folder: the test split is in "),
    ],
)
def test_what_breaks_the_contract_of_datasets_is_named(tried: Try, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(DatasetCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")))


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (Brace, "interface: template: DataError: the prompt of the prompt template 'own'"),
        (OtherField, "inputs: "),
        (Rows, "card: its implementation is a Rows, not a PromptSource"),
    ],
)
def test_what_breaks_the_contract_of_prompts_is_named(tried: Try, cls: type, line: str) -> None:
    """Records that lack a field are the caller's to give."""
    assert line in text(tried(PromptCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")))


class SharedLetters(Retriever):
    """A good retriever, which subclasses spoil."""

    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        for query in queries:
            scores = [len(set(query) & set(each)) for each in texts]
            order = sorted(range(len(texts)), key=lambda place: (-scores[place], place))
            yield self.spoiled([Hit(place, self.score(scores[place])) for place in order[:k] if scores[place]])

    def spoiled(self, hits: list[Hit]) -> list[Hit]:
        """Return what is found."""
        return hits

    def score(self, score: float) -> float:
        """Return a score."""
        return score


class WorstFirst(SharedLetters):
    """Yields the worst text first."""

    def spoiled(self, hits: list[Hit]) -> list[Hit]:
        return [*reversed(hits)]


class FindsTwice(SharedLetters):
    """Finds the best text twice."""

    def spoiled(self, hits: list[Hit]) -> list[Hit]:
        return [*hits[:1], *hits[:1]]


class Infinite(SharedLetters):
    """Has scores that are none."""

    def score(self, score: float) -> float:
        return score * float("inf")


class FewerLists(SharedLetters):
    """Has nothing for the last query."""

    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        return islice(super().search(context, texts, queries, k), 3)


class Changing(SharedLetters):
    """Finds something else the second time."""

    calls = count()

    def spoiled(self, hits: list[Hit]) -> list[Hit]:
        return hits[next(self.calls) :]


def retriever(cls: type) -> RetrieverCard:
    """Return the card of a retriever of this module."""
    return RetrieverCard(name="own", summary="own", load=f"{__name__}:{cls.__name__}")


def test_a_good_retriever_breaks_nothing(tried: Try) -> None:
    """The result has the hits of each query."""
    outcome = tried(retriever(SharedLetters))

    assert [] == outcome.problems
    assert [0, 3] == [place for place, _ in outcome.result[0]][:2]


@pytest.mark.parametrize(
    ("cls", "line"),
    [
        (WorstFirst, "interface: the hits for 'the river in spring' are not in the order of their scores"),
        (FindsTwice, "interface: search found the places [0, 0] of 5 texts"),
        (Infinite, "numbers: the hits for 'the river in spring': 0 is inf"),
        (FewerLists, "interface: search yielded 3 lists of hits for 5 queries"),
        (Changing, "seed: the hits for 'the river in spring' were"),
        (Rows, "card: its implementation is a Rows, not a Retriever"),
    ],
)
def test_what_breaks_the_contract_of_retrievers_is_named(tried: Try, cls: type, line: str) -> None:
    """Each in one line."""
    assert line in text(tried(retriever(cls)))
