"""A plugin: its hooks with cards and options, and an implementation of most kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from llmops_sdk.plugin import (
    API_VERSION,
    BaseModel,
    Card,
    Check,
    Context,
    DatasetCard,
    DatasetSource,
    DatasetSplits,
    Deployer,
    Endpoint,
    Evaluator,
    EvaluatorCard,
    Finding,
    Generation,
    Metric,
    ModelCard,
    ModelOptions,
    Options,
    PromptTemplate,
    RecordScore,
    Reporter,
    Resource,
    Run,
    Scored,
    ServableModel,
    TrainedModel,
    Trainer,
    TrainerOptions,
    Unscored,
    hookimpl,
    option,
    write_splits,
)

LLMOPS_API = "1.0"


@attrs.frozen(kw_only=True)
class WeatherOptions(Options):
    """Options of a dataset."""

    records: int = option(40, help="reports in all")


@attrs.frozen(kw_only=True)
class LeadOptions(ModelOptions):
    """Options of a model."""

    sentences: int = option(3, help="sentences to keep")

    def base_model(self) -> BaseModel:
        """The weights."""
        return BaseModel(format="lead", source=str(self.sentences))


@attrs.frozen(kw_only=True)
class LeadTrainerOptions(TrainerOptions):
    """Options of a trainer."""

    most: int = option(5, help="the most sentences to keep")

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """One check."""
        return (Check("lead", lambda: Finding("ok", base.source)),)


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """The cards."""
    return (
        DatasetCard(name="weather", summary="reports", load="acme.data:Weather", options=WeatherOptions),
        ModelCard(name="lead", summary="sentences", options=LeadOptions, trainer="lead", deployer="lead"),
        EvaluatorCard(name="length", summary="words", load="acme.metric:Length"),
    )


class Weather(DatasetSource):
    """A dataset whose options a type checker knows."""

    options: WeatherOptions

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits."""
        return write_splits(context.folder, self._rows, test_fraction=0.5, seed=1)

    def _rows(self) -> Iterator[dict[str, str]]:
        for number in range(self.options.records):
            yield {"instruction": f"Day {number}", "response": "sun"}


class Length(Evaluator):
    """A metric."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Its one number."""
        return (Metric("length", "Length", higher_is_better=False),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Count words."""
        for one in generations:
            if one.record.get("response"):
                yield Scored(one.index, {"length": float(len(one.output.split()))})
            else:
                yield Unscored(one.index, "there is no reference")


class LeadTrainer(Trainer):
    """A trainer."""

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Count."""
        count = sum(len(record["response"]) for record in splits.train)
        return TrainedModel(format="lead", uri="file", base=model, metrics={"count": count})


class LeadServer(Deployer):
    """A deployer."""

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """A process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start it."""
        return Endpoint(name=context.resource_name(), url="http://127.0.0.1:1/invocations")

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop it."""


class Headline(Reporter):
    """A reporter."""

    def report(self, context: Context, run: Run) -> None:
        """Write the verdicts."""
        lines = [f"{board.dataset}: {board.verdict.text}" for board in run.results().leaderboards]
        run.put("headline.txt", "\n".join([API_VERSION, *lines]).encode())
