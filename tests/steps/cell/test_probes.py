"""Probes are asked inside `generate`, kept beside the generations, and read where they are scored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import llmops_sdk.testing
from llmops_sdk import Pipeline, Result, StepFailedError
from llmops_sdk.plugin import Context, EvaluatorCard, Probe, Record, hookimpl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.stores import Store
from llmops_sdk.steps.cell.probes import Prober
from llmops_sdk.testing import EchoProbes, EchoProbesOptions, InstantEndpoint, MemoryStore, Refusal, make_context
from llmops_sdk.values.answers import Answered
from llmops_sdk.values.data import Split
from llmops_sdk.values.prompts import ChatPrompt, ChatTemplate, PromptTemplate, TextPrompt, TextTemplate
from llmops_sdk.values.step_records import Failed


@pytest.fixture(name="store", params=["local", "memory"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A disk, and an object store without append."""
    return LocalStore(tmp_path / "runs") if request.param == "local" else MemoryStore()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A model that repeats in capitals, on ten test records."""
    return (
        Pipeline.builder("probes")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("echo-score")
    )


def run(pipeline: Pipeline, store: Store, registry: Registry) -> Result:
    """Run in silence."""
    try:
        return pipeline.run(store=store, registry=registry, progress=Progress())
    except StepFailedError as exc:
        return Result(exc.run)


def test_probes_are_asked_and_scored(pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]) -> None:
    """Each record is asked once and each of its probes once; scores, replies and notes are in the samples."""
    result = run(pipeline.with_evaluator("echo-probes", words=["again", "twice"]), store, registry)

    assert 30 == len(asked) == len(set(asked))
    (cell,) = result.leaderboards[0].cells
    assert 1.0 == cell.estimates["steady"].mean
    assert 10 == cell.records == cell.answered
    for sample in result.run.samples("echo.bare.lines"):
        line = sample.record["context"]
        probes = sample.probes["echo-probes"]
        assert ["again", "twice"] == [probe.name for probe in probes]
        assert [TextPrompt(f"{word} {line}") for word in ("again", "twice")] == [probe.prompt for probe in probes]
        answers = [probe.outcome.answer.output for probe in probes if isinstance(probe.outcome, Answered)]
        assert [f"{word} {line}".upper() for word in ("again", "twice")] == answers
        assert {"echo-probes": {"kept": "2 of 2"}} == sample.notes


def test_probes_are_asked_once(pipeline: Pipeline, store: Store, registry: Registry, asked: list[str]) -> None:
    """A run again asks nothing; nor does an option that only weighs answers; a new probe is asked, and no record again."""
    run(pipeline, store, registry)
    assert 10 == len(asked)
    run(pipeline.with_evaluator("echo-probes"), store, registry)
    assert 20 == len(asked)
    weighed = run(pipeline.with_evaluator("echo-probes", weight=2.0), store, registry)
    assert 20 == len(asked)
    assert 2.0 == weighed.leaderboards[0].cells[0].estimates["steady"].mean
    run(pipeline.with_evaluator("echo-probes", words=["once"]), store, registry)
    assert 30 == len(asked)
    assert all(prompt.startswith("once") for prompt in asked[20:])


def test_log_probabilities_are_asked(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """The probability of a text comes from the endpoint's answer about the prompt's own tokens."""
    result = run(pipeline.with_evaluator("echo-probes", likelihood=True), store, registry)

    estimate = result.leaderboards[0].cells[0].estimates["likelihood"]
    assert 10 == estimate.records
    assert estimate.mean < 0
    sample = next(result.run.samples("echo.bare.lines"))
    probe = sample.probes["echo-probes"][1]
    assert ("likelihood", TextPrompt(sample.record["response"])) == (probe.name, probe.prompt)
    assert isinstance(probe.outcome, Answered)
    assert probe.outcome.answer.log_probability is not None


def test_an_endpoint_without_log_probabilities(pipeline: Pipeline, store: Store, registry: Registry) -> None:
    """Probes that cannot be answered leave their records unscored, with the reason, and fail nothing else."""
    direct = pipeline.with_model("echo", name="direct", voice="direct-loud", fine_tune=False)
    result = run(direct.with_evaluator("echo-probes", likelihood=True), store, registry)

    cell = next(cell for cell in result.leaderboards[0].cells if cell.candidate == "direct")
    assert 10 == cell.answered == cell.unscored["echo-probes"]
    assert "exact" in cell.estimates
    assert "steady" not in cell.estimates
    sample = next(result.run.samples("direct.bare.lines"))
    assert "this endpoint returns no log-probabilities" == sample.score_errors["echo-probes"]


def test_only_what_failed_is_asked_again(
    pipeline: Pipeline, store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later run asks again just the records and probes that failed in a way that may pass."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    busy = True

    def answer(prompt: str) -> str:
        if busy and prompt.endswith("3"):
            raise Refusal(503, "busy")
        return prompt.upper()

    endpoint = InstantEndpoint(answer)
    try:
        served = pipeline.with_deployer(url=endpoint.url).with_evaluator("echo-probes")
        first = run(served, store, registry)
        failed = [sample for sample in first.run.samples("echo.bare.lines") if sample.error]
        count = len(endpoint.prompts)
        busy = False
        second = run(served, store, registry)
    finally:
        endpoint.close()

    assert failed
    assert 20 == count
    again = sorted(endpoint.prompts[count:])
    assert sorted(f"{word}{sample.record['context']}" for sample in failed for word in ("", "again ")) == again
    assert 10 - len(failed) == first.leaderboards[0].cells[0].answered
    assert 10 == second.leaderboards[0].cells[0].answered
    assert 10 == second.leaderboards[0].cells[0].estimates["steady"].records


class Twins(EchoProbes):
    """Gives two probes one name."""

    def probes(self, context: Context, record: Record) -> Iterator[Probe]:
        """Yield them."""
        yield Probe("a", text="x")
        yield Probe("a", text="y")


class Empty(EchoProbes):
    """Gives a probe that asks nothing."""

    def probes(self, context: Context, record: Record) -> Iterator[Probe]:
        """Yield it."""
        yield Probe("a")


class BadPlugin:
    """Offers both."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Return the cards."""
        return tuple(
            EvaluatorCard(
                name=cls.__name__.lower(),
                summary="bad",
                load=f"llmops_sdk.testing:{cls.__name__}",
                options=EchoProbesOptions,
                probes=True,
            )
            for cls in (Twins, Empty)
        )


@pytest.mark.parametrize(
    ("evaluator", "said"),
    [("twins", "two probes of one record the same name"), ("empty", "neither a record nor a text")],
)
def test_ill_formed_probes(
    evaluator: str, said: str, pipeline: Pipeline, store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin's mistake is named before the endpoint is deployed."""
    monkeypatch.setattr(llmops_sdk.testing, "Twins", Twins, raising=False)
    monkeypatch.setattr(llmops_sdk.testing, "Empty", Empty, raising=False)
    bad = BadPlugin()
    registry.add("bad", bad)

    result = run(pipeline.with_evaluator(evaluator), store, registry)

    record = result.run.record("generate.echo")
    assert isinstance(record, Failed)
    assert said in record.error
    assert () == result.run.ledger()


class Continued(EchoProbes):
    """Asks how likely a text is after the prompt."""

    def probes(self, context: Context, record: Record) -> Iterator[Probe]:
        """Yield the prompt alone, and with the text."""
        yield Probe("prompt", record=record, log_probability=True)
        yield Probe("both", record=record, continuation=" it is", log_probability=True)


@pytest.mark.parametrize("is_chat", [False, True])
def test_a_probe_may_continue_the_prompt(tmp_path: Path, is_chat: bool) -> None:  # noqa: FBT001 - a case
    """A chat has no text that could be continued; a request for its probability is then refused."""
    (tmp_path / "test.jsonl").write_text('{"context": "where?"}\n', encoding="utf-8")
    test = Split(tmp_path / "test.jsonl", 1, "")
    template: PromptTemplate = TextTemplate("Q: {context}", " A:")
    if is_chat:
        template = ChatTemplate(({"role": "user", "content": "{context}"},))
    prober = Prober("continued", Continued(EchoProbesOptions()), make_context(tmp_path), test, template)
    prompt, both = (question.prompt for question in prober.questions())

    assert prompt == (ChatPrompt(({"role": "user", "content": "where?"},)) if is_chat else TextPrompt("Q: where? A:"))
    assert both == (prompt if is_chat else TextPrompt("Q: where? A: it is"))
