"""A kit for tests of plugins and pipelines: quick real parts that need no weights, and a store in memory.

This module is itself a plugin: `registry.add("testing", llmops_sdk.testing)` offers a data set `lines`, a model `echo`
with the trainer `echo-trainer` and the deployer `echo-endpoint` (a real HTTP server on loopback that answers at once),
and the evaluators `echo-score` and `echo-probes`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import attrs

from llmops_sdk.cards import Card, DatasetCard, DeployerCard, EvaluatorCard, ModelCard, PromptCard, TrainerCard, option
from llmops_sdk.errors import AssetError, EndpointError
from llmops_sdk.hookspecs import hookimpl
from llmops_sdk.interfaces import Context, DatasetSource, Deployer, Evaluator, PromptSource, Trainer, Transport
from llmops_sdk.progress import Progress
from llmops_sdk.registry import Registry
from llmops_sdk.splits import write_splits
from llmops_sdk.stores import Store
from llmops_sdk.values import (
    BaseModel,
    DatasetSplits,
    Endpoint,
    Generation,
    GenerationOptions,
    Metric,
    Probe,
    Prompt,
    PromptTemplate,
    Record,
    RecordScore,
    Reply,
    Resource,
    Scored,
    ServableModel,
    TextPrompt,
    TextTemplate,
    TrainedModel,
    TrainingPoint,
    Unscored,
)

_HERE = "llmops_sdk.testing"


class MemoryStore(Store):
    """A store of `put`, `get`, `list` and `delete` only, as an object store has them; for one process."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        self._objects[key] = data

    def get(self, key: str) -> bytes | None:
        return self._objects.get(key)

    def list(self, prefix: str) -> Iterator[str]:
        yield from sorted(key for key in self._objects if key.startswith(prefix))

    def delete(self, prefix: str) -> None:
        for key in [key for key in self._objects if key.startswith(prefix)]:
            del self._objects[key]


def make_context(folder: Path, *, home: Path | None = None, assets: Mapping[str, Path] | None = None) -> Context:
    """Make a context as a step would, for calling one implementation by itself.

    Args:
        folder: Where it writes.
        home: Its cache; by default a folder beside.
        assets: What `context.asset` knows.
    """
    known = dict(assets or {})

    def asset(name: str) -> Path:
        if name not in known:
            message = f"this test's context has no asset {name!r}"
            raise AssetError(message)
        return known[name]

    folder.mkdir(parents=True, exist_ok=True)
    return Context(
        run_id="test",
        step="step",
        folder=folder,
        home=home or folder.parent / "home",
        offline=True,
        progress=Progress(),
        log=logging.getLogger("llmops.test"),
        settings={},
        make=Registry().make,
        asset=asset,
    )


class InstantEndpoint:
    """A real HTTP server on loopback that answers the protocol of an endpoint at once, and remembers what it was asked.

    Its tokens are words. Asked for the probabilities of the prompt's tokens (`decoder_input_details`), it makes them up:
    a word has the log-probability of its length by -10, the first one none; `Say it again` has -0.2 - 0.5 = -0.7.

    Args:
        answer: Makes the answer's text from the prompt's text; may raise `Refusal`.

    Attributes:
        prompts: What it was asked, in the order in which it came.
    """

    def __init__(self, answer: Callable[[str], str] = str.upper) -> None:
        self.prompts: list[str] = []
        self._answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/invocations"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["inputs"] if "inputs" in body else body["messages"][-1]["content"]
                endpoint.prompts.append(prompt)
                try:
                    text = endpoint._answer(prompt)
                except Refusal as refusal:
                    self._send(refusal.status, {"message": refusal.reason}, refusal.headers)
                    return
                details: dict[str, Any] = {
                    "generated_tokens": len(text.split()),
                    "prompt_tokens": len(prompt.split()),
                    "finish_reason": "stop",
                }
                if body.get("parameters", {}).get("decoder_input_details"):
                    details["prefill"] = _made_up_prefill(prompt)
                self._send(200, [{"generated_text": text, "details": details}], {})

            def _send(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        return Handler


def _made_up_prefill(prompt: str) -> list[dict[str, Any]]:
    return [
        {"id": place, "text": word, "logprob": -len(word) / 10 if place else None}
        for place, word in enumerate(prompt.split())
    ]


@attrs.define(eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer
    """What an `InstantEndpoint` answers instead of a text: an HTTP status."""

    status: int
    reason: str = "refused"
    headers: Mapping[str, str] = attrs.field(factory=dict)


# -- the echo plugin ----------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class LinesOptions:
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
class EchoOptions:
    """Which echo."""

    voice: str = option(
        "loud", help="loud answers in capitals, quiet as it was asked, mute not at all, direct-... without a server"
    )

    def base_model(self) -> BaseModel:
        """Return the weights, which are the voice's name."""
        return BaseModel(format="echo", source=self.voice)


@attrs.frozen(kw_only=True)
class EchoTrainerOptions:
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
class EchoEndpointOptions:
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
            name=context.resource_name(), url=served.url, concurrency=options.concurrency, facts={"voice": voice}
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
class EchoProbesOptions:
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
