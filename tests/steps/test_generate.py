"""The `generate` step: every answered record is asked once, failures for now are asked again, and nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.plugin import Failed, Succeeded, digest
from llmops_sdk.testing import EchoEndpoint, InstantEndpoint, Refusal

from . import conftest


class Server:
    """Answers in capitals; refuses every prompt that ends with one of its texts, with its status."""

    def __init__(self) -> None:
        self.refused: tuple[str, ...] = ()
        self.status = 503
        self.endpoint = InstantEndpoint(self._answer)

    def _answer(self, prompt: str) -> str:
        if self.refused and prompt.endswith(self.refused):
            raise Refusal(self.status, "busy")
        return prompt.upper()


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    server = Server()
    yield server
    server.endpoint.close()


def test_resources_are_in_the_ledger_and_deleted(two_models: Pipeline, run: conftest.Run) -> None:
    """Every endpoint is in the ledger, and is marked as deleted when its step ends."""
    result = run(two_models)

    entries = result.run.ledger()
    assert {"generate.quiet", "generate.loud.bare.lines"} == {entry.step for entry in entries}
    assert all(entry.deleted is not None for entry in entries)
    assert {} == EchoEndpoint._serving


def test_the_weights_of_a_trained_model_have_a_hash_of_their_own(pipeline: Pipeline, run: conftest.Run) -> None:
    """It is that of the files that the trainer left, and differs with them."""
    result = run(pipeline.with_model("echo", name="loud").with_model("echo", name="soft", trainer={"voice": "quiet"}))

    (board,) = result.results.leaderboards
    weights = {cell.candidate: cell.endpoint.get("weights") for cell in board.cells}
    expected = {voice: digest({"voice": sha256(voice.encode()).hexdigest()}) for voice in ("loud", "quiet")}
    assert {"echo": None, "loud": expected["loud"], "soft": expected["quiet"]} == weights


def test_an_endpoint_that_answers_nothing_fails_its_cell(two_models: Pipeline, run: conftest.Run) -> None:
    """If no record is answered, the step fails with the endpoint's reason."""
    result = run(two_models.with_model("echo", name="mute", voice="mute", fine_tune=False))

    (failed,) = result.failures
    assert "generate.mute" == failed.step
    assert "candidate 'mute' on 'lines': no record was answered: the endpoint answered 400: mute" in failed.error


def test_an_endpoint_that_answered_nothing_is_asked_again(
    pipeline: Pipeline, run: conftest.Run, resumed: conftest.Resume, asked: list[str]
) -> None:
    """A refusal of every record is a fault of the endpoint: it decides nothing about a record."""
    result = run(pipeline.with_model("echo", name="mute", voice="mute", fine_tune=False))
    refused = len(asked)
    asked.clear()

    resumed(result)

    assert 10 == len(asked) <= refused


@pytest.mark.parametrize("way", ["next run", "resume"])
def test_pending_answers_are_asked_again(
    way: str, pipeline: Pipeline, server: Server, run: conftest.Run, resumed: conftest.Resume
) -> None:
    """By the next run and by a resumed one: these records only, and all that depends on them is up to date."""
    pipeline = pipeline.with_deployer(url=server.endpoint.url)
    server.refused = ("3", "5")
    first = run(pipeline)
    (cell,) = first.leaderboards[0].cells
    refused = [sample.record["context"] for sample in first.run.samples(cell.cell) if sample.answer is None]
    record = first.run.record("generate.echo")
    asked_before = len(server.endpoint.prompts)
    server.refused = ()

    second = run(pipeline) if way == "next run" else resumed(first)

    assert refused
    assert isinstance(record, Succeeded)
    assert len(refused) == record.pending == cell.pending == 10 - cell.answered
    assert sorted(refused) == sorted(server.endpoint.prompts[asked_before:])
    (cell,) = second.leaderboards[0].cells
    assert (10, 0, 10) == (cell.answered, cell.pending, cell.estimates["exact"].records)
    assert 10 == sum(sample.scores["exact"] == 1 for sample in second.run.samples(cell.cell))
    assert (second.run.id == first.run.id) == (way == "resume")


def test_answers_that_failed_for_good_are_not_asked_again(
    pipeline: Pipeline, server: Server, run: conftest.Run, resumed: conftest.Resume
) -> None:
    """A record that the endpoint refuses stays in the results as not answered."""
    pipeline = pipeline.with_deployer(url=server.endpoint.url)
    server.refused, server.status = ("3", "5"), 400
    first = run(pipeline)
    asked_before = len(server.endpoint.prompts)

    second = resumed(first)

    assert asked_before == len(server.endpoint.prompts)
    (cell,) = second.leaderboards[0].cells
    assert cell.answered < 10
    assert 0 == cell.pending
    assert not any(isinstance(second.run.record(step.name), Failed) for step in second.run.plan.steps)


def test_answers_of_another_engine_are_asked_for_again(
    two_models: Pipeline, run: conftest.Run, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that computes in another format shares no answers, neither of base models nor of fine-tuned ones."""
    engine = {"dtype": "float32"}
    monkeypatch.setattr(EchoEndpoint, "engine", lambda _deployer, _context: engine)

    def addresses() -> list[str]:
        records = [run(two_models).run.record(f"generate.{name}") for name in ("quiet", "loud.bare.lines")]
        return [address for record in records if isinstance(record, Succeeded) for address in record.artifacts.values()]

    first = addresses()
    asked.clear()
    assert first == addresses()
    assert [] == asked
    engine["dtype"] = "bfloat16"
    second = addresses()
    assert 20 == len(asked)
    assert 2 == len(first) == len(second)
    assert set(first).isdisjoint(second)


def test_repeats_that_failed_for_now_are_asked_again(
    pipeline: Pipeline, server: Server, run: conftest.Run, resumed: conftest.Resume
) -> None:
    """A record without all of its answers is missing until then."""
    pipeline = pipeline.with_deployer(url=server.endpoint.url).with_generation(repeats=3)
    server.refused = ("3", "5")
    first = run(pipeline)
    (cell,) = first.leaderboards[0].cells
    without = {sample.index for sample in first.records() if sample.answer is None}
    asked_before = len(server.endpoint.prompts)
    server.refused = ()

    second = resumed(first)

    assert without
    assert 3 * len(without) == cell.pending == len(server.endpoint.prompts) - asked_before
    assert 10 - len(without) == cell.estimates["exact"].records
    (cell,) = second.leaderboards[0].cells
    assert (30, 30, 0, 10) == (cell.answered, cell.questions, cell.pending, cell.estimates["exact"].records)
