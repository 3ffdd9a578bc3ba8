"""The options and the settings of the testing plugin."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin.options import DeployerOptions, ModelOptions, Options, TrainerOptions, option
from llmops_sdk.values.models import BaseModel


@attrs.frozen(kw_only=True)
class LinesOptions(Options):
    """How many records the dataset `lines` has."""

    records: int = option(20, help="records in all")
    test_fraction: float = option(0.5, help="share of the test split")
    seed: int = option(0, help="seed of the split")


@attrs.frozen(kw_only=True)
class EchoOptions(ModelOptions):
    """How the model `echo` answers."""

    voice: str = option(
        "loud",
        help="loud answers in capitals, quiet with the prompt as it is, unsteady-N with either, mute not at all, direct-... "
        "without a server",
    )

    def base_model(self) -> BaseModel:
        """Return the base weights, which are the voice's name."""
        return BaseModel(format="echo", source=self.voice)


@attrs.frozen(kw_only=True)
class EchoTrainerOptions(TrainerOptions):
    """What the trainer `echo-trainer` produces."""

    voice: str = option("loud", help="the voice of the trained model; unsteady has the seed in its name")
    seed: int = option(0, help="seed of the training")
    fails: bool = option(False, help="whether training fails")


@attrs.frozen(kw_only=True)
class EchoEndpointOptions(DeployerOptions):
    """Which endpoint the deployer `echo-endpoint` uses."""

    url: str = option("", help="an endpoint that exists already; empty starts one", affects_results=False)
    concurrency: int = option(4, help="requests at a time", affects_results=False)
    voice: str = option(
        "", help="the voice in which any model is served, as an export that changed it; empty serves its own"
    )


@attrs.frozen(kw_only=True)
class EchoProbesOptions(Options):
    """What the evaluator `echo-probes` asks, and how it scores the answers."""

    words: tuple[str, ...] = option(("again",), help="each word is put before the record's context and asked")
    likelihood: bool = option(False, help="whether the probability of the reference is asked too")
    weight: float = option(1.0, help="the score of a steady answer")


@attrs.frozen(kw_only=True)
class TestingSettings:
    """The settings of this plugin, which change nothing."""

    __test__ = False

    note: str = option("", help="some text")
