"""Plugins that break the rules, one each, for the tests of the kit."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.plugin import (
    Answer,
    BaseModel,
    Card,
    Context,
    DatasetCard,
    DatasetSource,
    DatasetSplits,
    Deployer,
    DeployerCard,
    Endpoint,
    Evaluator,
    EvaluatorCard,
    Generation,
    GenerationOptions,
    Metric,
    Options,
    Prompt,
    RecordScore,
    Resource,
    Scored,
    ServableModel,
    TextPrompt,
    Transport,
    hookimpl,
    option,
    write_splits,
)

MODEL = BaseModel(format="wrong", source="none")
HOME = Path.home() / "llmops-check-of-a-wrong-plugin"
_seen: list[str] = []


@attrs.frozen(kw_only=True)
class SeedOptions(Options):
    """A seed that nothing uses."""

    seed: int = option(0, help="the seed")


@attrs.frozen(kw_only=True)
class UpperOptions(Options):
    """Options that change when they are read again."""

    limit: int = option(1, help="the limit")

    def to_mapping(self) -> dict[str, Any]:
        return {"limit": self.limit + 1}


class _Words(Evaluator):
    """The words of the output, and what a subclass does besides."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("words", higher_is_better=None),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        for generation in generations:
            yield Scored(generation.index, {"words": self.words(generation)})

    def words(self, generation: Generation) -> float:
        """Return the score of one generation."""
        return len(generation.output.split())


class Prints(_Words):
    """Prints to standard output."""

    def words(self, generation: Generation) -> float:
        print(f"scoring record {generation.index}")  # noqa: T201 - the fault
        return super().words(generation)


class WritesOutside(_Words):
    """Writes into the user's home."""

    def words(self, generation: Generation) -> float:
        HOME.write_text(generation.output, encoding="utf-8")
        return super().words(generation)


class NoNumber(_Words):
    """Divides zero by zero as NumPy does."""

    def words(self, generation: Generation) -> float:
        words = super().words(generation)
        return float("nan") if words == 0 else words


class Connects(_Words):
    """Asks another machine."""

    def words(self, generation: Generation) -> float:
        with socket.create_connection(("192.0.2.1", 80), timeout=0.2):
            return super().words(generation)


class Remembers(_Words):
    """Gives a record the number of records before it."""

    def words(self, generation: Generation) -> float:
        _seen.append(generation.output)
        return len(_seen)


class Ranks(_Words):
    """Gives each record its place among those it is scored with."""

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        for place, generation in enumerate(generations):
            yield Scored(generation.index, {"words": place})


class Hashes(_Words):
    """Depends on the hash of a text, which is another one in each process."""

    def words(self, generation: Generation) -> float:
        return hash(generation.output) % 1000003


class Unseeded(DatasetSource):
    """Draws records from the global generator, whatever the seed is."""

    def load(self, context: Context) -> DatasetSplits:
        rows = [{"instruction": f"{random.random()}", "context": "", "response": str(n)} for n in range(8)]
        return write_splits(context.folder, lambda: iter(rows), test_fraction=0.5, seed=self.options.seed)


class DeletesOnce(Deployer):
    """Fails if what it deletes is gone."""

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        (context.folder / "process").write_text("1", encoding="utf-8")
        return Endpoint(name=context.resource_name())

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        return _Echo()

    def delete(self, context: Context, resource: Resource) -> None:
        (context.folder / "process").unlink()


class _Echo(Transport):
    """Answers with the prompt."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        return Answer(prompt.text if isinstance(prompt, TextPrompt) else "")


def evaluator(name: str, cls: type, **attributes: Any) -> EvaluatorCard:
    """Return the card of an evaluator of this module."""
    return EvaluatorCard(name=name, summary=str(cls.__doc__), load=f"{__name__}:{cls.__name__}", **attributes)


PRINTS = evaluator("prints", Prints)
WRITES = evaluator("writes", WritesOutside)
NO_NUMBER = evaluator("no-number", NoNumber)
CONNECTS = evaluator("connects", Connects)
REMEMBERS = evaluator("remembers", Remembers)
RANKS = evaluator("ranks", Ranks)
HASHES = evaluator("hashes", Hashes)
LOSES_OPTIONS = evaluator("loses-options", _Words, options=UpperOptions)
UNSEEDED = DatasetCard(name="unseeded", summary="random", load=f"{__name__}:Unseeded", options=SeedOptions)
DELETES_ONCE = DeployerCard(
    name="deletes-once", summary="deletes once", load=f"{__name__}:DeletesOnce", accepts=("wrong",)
)


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return all of them."""
    return (
        PRINTS,
        WRITES,
        NO_NUMBER,
        CONNECTS,
        REMEMBERS,
        RANKS,
        HASHES,
        LOSES_OPTIONS,
        UNSEEDED,
        DELETES_ONCE,
    )
