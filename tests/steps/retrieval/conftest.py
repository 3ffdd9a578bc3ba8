"""A retriever that needs no extra: the texts that share the most words with the query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.plugin import Context, Hit, Retriever, RetrieverCard, hookimpl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.serial import to_line

Rows = Sequence[dict[str, Any]]
Write = Callable[[str, Rows], str]
Asking = Callable[..., Pipeline]

CITIES = ("Rome", "Oslo", "Lima", "Cairo", "Tokyo", "Paris")


class SharedWords(Retriever):
    """Counts the words that a text shares with the query."""

    def search(self, context: Context, texts: Sequence[str], queries: Iterable[str], k: int) -> Iterator[Sequence[Hit]]:
        """Yield the texts with the most shared words."""
        for query in queries:
            words = set(query.lower().split())
            scores = [len(words & set(text.lower().split())) for text in texts]
            order = sorted(range(len(texts)), key=lambda place: (-scores[place], place))
            yield [Hit(place, float(scores[place])) for place in order[:k] if scores[place]]


class SharedWordsPlugin:
    """Offers the retriever."""

    @hookimpl
    def llmops_cards(self) -> tuple[RetrieverCard, ...]:
        """Return its card."""
        return (RetrieverCard(name="shared-words", summary="shared words", load=f"{__name__}:SharedWords"),)


@pytest.fixture(autouse=True)
def _retriever(registry: Registry) -> None:
    """Offer the retriever."""
    registry.add("shared-words", SharedWordsPlugin())


@pytest.fixture(name="write")
def _write(tmp_path: Path) -> Write:
    """Write rows into a file, and return its path."""

    def write(name: str, rows: Rows) -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(to_line(row, dict) for row in rows))
        return str(path)

    return write


@pytest.fixture(name="asking")
def _asking(write: Write, home: Path) -> Asking:  # noqa: ARG001 - nothing is cached outside the test
    """Ask a base model about two cities, with four train records; the keyword arguments are those of the prompt."""
    rows = [
        {"instruction": f"What is {city} known for?", "context": f"about {city}", "response": f"{city}'s sights"}
        for city in CITIES
    ]
    train, test = write("train.jsonl", rows[:4]), write("test.jsonl", rows[4:])

    def asking(train: str = train, test: str = test, use: str = "plain", **prompt: Any) -> Pipeline:
        pipeline = Pipeline.builder("p").with_dataset("jsonl", name="cities", path=train, test_path=test)
        pipeline = pipeline.with_prompt(use, name="with", **prompt).with_evaluator("echo-score")
        return pipeline.with_model("echo", name="base", fine_tune=False)

    return asking
