"""What the plugin offers: cards, with nothing heavy imported."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import (
    BaseModel,
    DatasetCard,
    DeployerCard,
    EvaluatorCard,
    ModelCard,
    ModelOptions,
    Options,
    ReporterCard,
    TrainerCard,
    TrainerOptions,
    hookimpl,
    option,
)

LLMOPS_API = "1.0"  # the version of the plugin API that this is written for


@attrs.frozen(kw_only=True)
class WeatherOptions(Options):
    """How many reports the dataset has."""

    records: int = option(40, help="reports in all")
    seed: int = option(0, help="seed of the split")


@attrs.frozen(kw_only=True)
class LeadOptions(ModelOptions):
    """How many sentences the baseline keeps."""

    sentences: int = option(3, help="sentences the untrained baseline keeps")

    def base_model(self) -> BaseModel:
        """Return the baseline; its weights are a number."""
        return BaseModel(format="lead", source=str(self.sentences))


@attrs.frozen(kw_only=True)
class LeadTrainerOptions(TrainerOptions):
    """How many sentences the trainer may learn."""

    most: int = option(5, help="the most sentences to keep")


@attrs.frozen(kw_only=True)
class LeadSettings:
    """How the headline starts."""

    greeting: str = option("", help="the first line")


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings."""
    return LeadSettings


@hookimpl
def llmops_cards() -> tuple[object, ...]:
    """Return a dataset, a model with its trainer and deployer, a metric and a reporter."""
    return (
        DatasetCard(name="weather", summary="weather reports", load="llmops_lead.data:Weather", options=WeatherOptions),
        ModelCard(
            name="lead",
            summary="the first sentences of the text",
            options=LeadOptions,
            trainer="lead-length",
            deployer="lead-server",
        ),
        TrainerCard(
            name="lead-length",
            summary="learns how many sentences the references have",
            load="llmops_lead.train:LeadTrainer",
            options=LeadTrainerOptions,
            accepts=("lead",),
            produces="lead",
            uses_local_device=True,
        ),
        DeployerCard(
            name="lead-server", summary="serves the baseline", load="llmops_lead.serve:LeadServer", accepts=("lead",)
        ),
        EvaluatorCard(
            name="length-ratio", summary="output words by reference words", load="llmops_lead.metric:LengthRatio"
        ),
        ReporterCard(name="headline", summary="the verdict in one line", load="llmops_lead.report:Headline"),
    )
