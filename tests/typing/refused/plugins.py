"""Mistakes in a plugin; a type checker reports each line that is marked, and no other one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from llmops_sdk.plugin import Evaluatr  # error: a misspelled name
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    DatasetCard,
    DatasetSource,
    DatasetSplits,
    Evaluator,
    EvaluatorCard,
    Generation,
    Metric,
    ModelOptions,
    Options,
    RecordScore,
    Scored,
    option,
)


@attrs.frozen(kw_only=True)
class WeatherOptions(Options):
    """Options of a dataset."""

    records: int = option(40, hlp="reports in all")  # error: a misspelled argument


@attrs.frozen(kw_only=True)
class LeadOptions(ModelOptions):
    """Options of a model."""

    def base_model(self) -> str:  # error: another type than the interface's
        """The weights."""
        return "lead"


class Weather(DatasetSource):
    """A dataset."""

    options: WeatherOptions

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits."""
        print(self.options.recods)  # error: a misspelled option
        return context.folder  # error: another type


class Length(Evaluator):
    """A metric."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Its one number."""
        return (Metric("length", higher_is_beter=False),)  # error: a misspelled argument

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Count words."""
        for one in generations:
            yield Scored(one.index, one.output)  # error: a text for numbers by name
            yield one.output  # error: a text for a score


DatasetCard(name="weather", summary="reports", loads="acme.data:Weather")  # error: a misspelled argument
EvaluatorCard(name="length", summary="words", load="acme:Length", options=Options())  # error: an object for a class
BaseModel("lead", source_of="3")  # error: a misspelled argument
