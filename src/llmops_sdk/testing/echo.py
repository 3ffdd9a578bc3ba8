"""The echo plugin: quick parts of every kind that need no weights. `llmops_sdk.testing` offers it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import attrs

from llmops_sdk.data.splits import write_splits
from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.cards import Card, DatasetCard, DeployerCard, EvaluatorCard, ModelCard, PromptCard, TrainerCard
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.hookspecs import hookimpl
from llmops_sdk.plugin.interfaces import DatasetSource, Deployer, Evaluator, PromptSource, Trainer, Transport
from llmops_sdk.plugin.options import DeployerOptions, ModelOptions, Options, TrainerOptions, option
from llmops_sdk.testing.kit import InstantEndpoint, Refusal
from llmops_sdk.values.data import DatasetSplits, Record
from llmops_sdk.values.generations import Generation, GenerationOptions, Probe, Reply
from llmops_sdk.values.models import BaseModel, ServableModel, TrainedModel, TrainingPoint
from llmops_sdk.values.prompts import Prompt, PromptTemplate, TextPrompt, TextTemplate
from llmops_sdk.values.resources import Endpoint, Resource
from llmops_sdk.values.scores import Metric, RecordScore, Scored, Unscored

_HERE = "llmops_sdk.testing.echo"


@attrs.frozen(kw_only=True)
class LinesOptions(Options):
    """How many records."""

    records: int = option(20, help="records in all")
    test_fraction: float = option(0.5, help="share of the test split")
    seed: int = option(0, help="of the split")


class Lines(DatasetSource):
    """Numbered records."""

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits."""
        options: LinesOptions = self.options

        def rows() -> Iterator[dict[str, str]]:
            for number in range(options.records):
                yield {"instruction": f"repeat {number}", "context": f"line {number}", "response": f"LINE {number}"}

        return write_splits(context.folder, rows, test_fraction=options.test_fraction, seed=options.seed)


class PlainPrompt(PromptSource):
    """The context alone."""

    def template(self) -> PromptTemplate:
        """Return the template."""
        return TextTemplate(prompt="{context}", completion="{response}")


@attrs.frozen(kw_only=True)
class EchoOptions(ModelOptions):
    """Which echo."""

    voice: str = option(
        "loud", help="loud answers in capitals, quiet as it was asked, mute not at all, direct-... without a server"
    )

    def base_model(self) -> BaseModel:
        """Return the weights, which are the voice's name."""
        return BaseModel(format="echo", source=self.voice)


@attrs.frozen(kw_only=True)
class EchoTrainerOptions(TrainerOptions):
    """What it learns."""

    voice: str = option("loud", help="the voice of what it leaves")
    fails: bool = option(False, help="whether it fails")


class EchoTrainer(Trainer):
    """Leaves a file with a voice's name."""

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Read the train split, and leave the voice."""
        if self.options.fails:
            message = "it was told to fail"
            raise EndpointError(message)
        rows = sum(1 for _ in splits.train)
        (context.folder / "voice").write_text(self.options.voice, encoding="utf-8")
        point = TrainingPoint(step=1, tokens=rows, seconds=0.0, loss=1.0)
        return TrainedModel(format="echo", uri="voice", base=model, metrics={"rows": rows}, curve=(point,))


@attrs.frozen(kw_only=True)
class EchoEndpointOptions(DeployerOptions):
    """Where it is."""

    url: str = option("", help="an endpoint that is there already; empty starts one", affects_results=False)
    concurrency: int = option(4, help="requests at a time", affects_results=False)


class EchoEndpoint(Deployer):
    """Serves a voice from a thread of this process, or points to an endpoint that is there."""

    _serving: ClassVar[dict[str, InstantEndpoint]] = {}
    asked: ClassVar[list[str]] = []
    """What all endpoints of this process were asked."""

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Name the server."""
        return (Resource("echo", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Serve."""
        options: EchoEndpointOptions = self.options
        if isinstance(model, BaseModel) and model.source.startswith("direct"):
            return Endpoint(name=context.resource_name(), concurrency=1)
        if options.url:
            return Endpoint(name=context.resource_name(), url=options.url, concurrency=options.concurrency)
        voice = model.source if isinstance(model, BaseModel) else Path(model.uri).read_text(encoding="utf-8")

        def answer(prompt: str) -> str:
            self.asked.append(prompt)
            if voice == "mute":
                raise Refusal(400, "mute")
            return prompt.upper() if voice == "loud" else prompt

        served = InstantEndpoint(answer)
        self._serving[context.resource_name()] = served
        return Endpoint(
            name=context.resource_name(), url=served.url, concurrency=options.concurrency, metadata={"voice": voice}
        )

    def connect(self, context: Context, endpoint: Endpoint) -> Transport | None:
        """Answer in this thread where there is no server."""
        return None if endpoint.url else _Direct()

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop serving."""
        served = self._serving.pop(resource.name, None)
        if served is not None:
            served.close()


class _Direct(Transport):
    """Answers in the asking thread, as an endpoint that takes no time would."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Reply:
        return Reply(prompt.text.upper() if isinstance(prompt, TextPrompt) else "")


class EchoScore(Evaluator):
    """Scores 1 where the output is the reference, and how alike their letters are."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Two numbers."""
        return (Metric("exact", "Exact match"), Metric("noise", "Noise", higher_is_better=False))

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score."""
        for generation in generations:
            noise = int.from_bytes(hashlib.sha256(generation.output.encode()).digest()[:2], "big") / 65536
            exact = float(generation.output == generation.record["response"])
            yield Scored(generation.index, {"exact": exact, "noise": noise})


@attrs.frozen(kw_only=True)
class EchoProbesOptions(Options):
    """What is asked, and how it is weighed."""

    words: tuple[str, ...] = option(("again",), help="each one is put before the record's context and asked")
    likelihood: bool = option(False, help="whether the probability of the reference is asked too")
    weight: float = option(1.0, help="of a kept answer")


class EchoProbes(Evaluator):
    """Asks each record again with other words before it; scores the share of answers that still end with the reference."""

    options: EchoProbesOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One number, or two."""
        likelihood = (Metric("likelihood", "Log-probability of the reference"),) if self.options.likelihood else ()
        return (Metric("steady", "Steadiness"), *likelihood)

    def probes(self, context: Context, record: Record) -> Iterator[Probe]:
        """Yield one probe a word."""
        for word in self.options.words:
            yield Probe(word, record={**record, "context": f"{word} {record['context']}"})
        if self.options.likelihood:
            yield Probe("likelihood", text=record["response"], log_probability=True)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score."""
        for generation in generations:
            errors = [reply.error for reply in generation.probes.values() if reply.error]
            if errors:
                yield Unscored(generation.index, errors[0])
                continue
            kept = [
                str(generation.probes[word].output).endswith(generation.record["response"])
                for word in self.options.words
            ]
            scores = {"steady": self.options.weight * sum(kept) / len(kept)}
            if self.options.likelihood:
                scores["likelihood"] = generation.probes["likelihood"].log_probability or 0.0
            yield Scored(generation.index, scores, notes={"kept": f"{sum(kept)} of {len(kept)}"})


@attrs.frozen(kw_only=True)
class TestingSettings:
    """The settings of this plugin, which change nothing."""

    __test__ = False

    note: str = option("", help="some text")


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings."""
    return TestingSettings


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the echo plugin's cards."""
    return (
        DatasetCard(name="lines", summary="numbered records", load=f"{_HERE}:Lines", options=LinesOptions),
        PromptCard(name="bare", summary="the context alone", load=f"{_HERE}:PlainPrompt"),
        ModelCard(
            name="echo",
            summary="repeats the prompt",
            options=EchoOptions,
            trainer="echo-trainer",
            deployer="echo-endpoint",
        ),
        TrainerCard(
            name="echo-trainer",
            summary="leaves a voice",
            load=f"{_HERE}:EchoTrainer",
            options=EchoTrainerOptions,
            accepts=("echo",),
            produces="echo",
        ),
        DeployerCard(
            name="echo-endpoint",
            summary="serves a voice",
            load=f"{_HERE}:EchoEndpoint",
            options=EchoEndpointOptions,
            accepts=("echo",),
        ),
        EvaluatorCard(name="echo-score", summary="is it the reference", load=f"{_HERE}:EchoScore"),
        EvaluatorCard(
            name="echo-probes",
            summary="does it stay the reference",
            load=f"{_HERE}:EchoProbes",
            options=EchoProbesOptions,
            probes=True,
        ),
    )
