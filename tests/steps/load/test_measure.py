"""Endpoints under load: what is measured, what it costs, and that no answer of it counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from llmops_sdk import EndpointError, Pipeline, Progress, Result, resume
from llmops_sdk.cli.output.costs.expected import show_expected
from llmops_sdk.cli.output.tables import open_console
from llmops_sdk.planning.costs.estimate import LOAD_ALONE, expect_cost
from llmops_sdk.planning.costs.reuse import earlier_steps
from llmops_sdk.plugin import Endpoint, ModelLoad
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.costs.spending import spent
from llmops_sdk.testing import EchoEndpoint, InstantEndpoint, MemoryStore, Refusal
from llmops_sdk.values.step_records import Succeeded

from .. import conftest

RECORDS = 10


@attrs.define
class Server:
    """A real server that takes a time for each answer, and refuses more than some at a time.

    Attributes:
        seconds: For each answer.
        most: Requests at a time; further ones are refused.
        refuse: The status of a refusal.
        in_flight: Requests at this moment.
        highest: The most at a time so far.
    """

    seconds: float = 0.0
    most: int = 1_000
    refuse: int = 429
    in_flight: int = 0
    highest: int = 0
    endpoint: InstantEndpoint = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.endpoint = InstantEndpoint(self._answer)

    def _answer(self, prompt: str) -> str:
        with self._lock:
            self.in_flight += 1
            in_flight = self.in_flight
            self.highest = max(self.highest, in_flight)
        try:
            if in_flight > self.most:
                raise Refusal(self.refuse, "too many requests")
            time.sleep(self.seconds)
            return prompt.upper()
        finally:
            with self._lock:
                self.in_flight -= 1


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    server = Server()
    yield server
    server.endpoint.close()


def loaded(server: Server, *levels: int, requests: int = 24) -> Pipeline:
    """A pipeline that asks a server ten records, two at a time, and measures it."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False, deployer={"url": server.endpoint.url, "concurrency": 2})
    return pipeline.with_load(*levels, requests=requests) if levels else pipeline


def loads(result: Result) -> ModelLoad:
    """What was measured of the one model."""
    (load,) = result.results.loads
    return load


def test_each_number_of_requests_at_a_time_is_measured(server: Server, run: conftest.Run) -> None:
    """A server that answers in 50 ms answers no sooner; of many requests, more than one are in flight."""
    server.seconds = 0.05

    result = run(loaded(server, 1, 8))

    one, eight = loads(result).levels
    assert (1, 24, 0) == (one.concurrency, one.requests, one.failed)
    assert 1 < server.highest <= 8
    assert one.latency_p50 is not None
    assert 0.05 <= one.latency_p50
    assert one.requests_per_second <= 1 / 0.05
    assert (8, 24, 0) == (eight.concurrency, eight.requests, eight.failed)
    assert one.output_tokens_per_second is not None
    assert one.latency_p95 is not None
    assert one.latency_p99 is None  # of 24 answers, it would be the slowest
    assert one.time_to_first_token_p50 is None
    assert RECORDS == one.prompts


def test_no_answer_of_a_load_counts(server: Server, run: conftest.Run) -> None:
    """Scores, samples and answers are those of a run without one."""
    server.seconds = 0.001
    plain = run(loaded(server))
    result = run(loaded(server, 1, 4))

    (before,), (after,) = plain.leaderboards, result.leaderboards
    assert before == after
    assert list(plain.records()) == list(result.records())
    assert RECORDS + 1 + 2 * 24 == len(server.endpoint.prompts)


def test_requests_that_fail_are_counted_and_not_sent_again(server: Server, run: conftest.Run) -> None:
    """An endpoint that refuses more than four at a time still has a verdict; which part of the load failed is stated."""
    server.seconds, server.most = 0.01, 4

    result = run(loaded(server, 2, 16, requests=48))

    two, sixteen = loads(result).levels
    assert 0 == two.failed
    assert 0 < sixteen.failed < 48
    assert "too many requests" in sixteen.error
    assert RECORDS + 1 + 2 * 48 == len(server.endpoint.prompts)
    assert "echo" == result.decision().best


def test_an_endpoint_that_refuses_everything_under_load_has_its_answers(server: Server, run: conftest.Run) -> None:
    """It is measured as that, with the reason."""
    server.seconds, server.most = 0.02, 2

    result = run(loaded(server, 2, 48, requests=200))

    two, most = loads(result).levels
    assert 0 == two.failed
    assert most.error
    assert 0 < most.failed <= most.requests <= 200
    assert "echo" == result.decision().best


def test_an_endpoint_that_cannot_be_reached_any_more_has_its_answers(
    server: Server, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails no step: what was answered counts, and the load is measured as failed."""
    connected = []

    def connect(self: EchoEndpoint, context: object, endpoint: Endpoint) -> None:
        del self, context
        connected.append(endpoint.concurrency)
        if len(connected) > 1:
            message = "the endpoint is gone"
            raise EndpointError(message)

    monkeypatch.setattr(EchoEndpoint, "connect", connect)

    result = run(loaded(server, 1, 4))

    assert [2, 2, 1, 4] == connected  # for the answers, to warm up, and for each load
    assert [(1, "the endpoint is gone"), (1, "the endpoint is gone")] == [
        (level.failed, level.error) for level in loads(result).levels
    ]
    assert "echo" == result.decision().best


def test_what_was_measured_is_reused_and_says_when(server: Server, run: conftest.Run) -> None:
    """A new number of requests at a time starts the endpoint for it alone; `--fresh load` measures all of them again."""
    first = run(loaded(server, 1, 2))
    asked = len(server.endpoint.prompts)
    again = run(loaded(server, 1, 2))
    assert asked == len(server.endpoint.prompts)
    assert loads(first) == loads(again)
    record = again.run.record("generate.echo")
    assert isinstance(record, Succeeded)
    assert record.cached

    more = run(loaded(server, 1, 2, 3))
    assert asked + 1 + 24 == len(server.endpoint.prompts)
    assert loads(first).levels == loads(more).levels[:2]
    record = more.run.record("generate.echo")
    assert isinstance(record, Succeeded)
    assert f"changed since run {again.run.id}: the load" == record.reason


def test_a_load_is_measured_again_when_asked(server: Server, registry: Registry) -> None:
    """The answers are not."""
    store, pipeline = MemoryStore(), loaded(server, 1, 2)
    first = pipeline.run(store=store, registry=registry, progress=Progress())
    asked = len(server.endpoint.prompts)

    again = pipeline.run(store=store, registry=registry, progress=Progress(), fresh=["load"])

    assert asked + 1 + 2 * 24 == len(server.endpoint.prompts)
    assert loads(first) != loads(again)
    record = again.run.record("generate.echo")
    assert isinstance(record, Succeeded)
    assert "done again as --fresh asks" == record.reason


@pytest.fixture(name="priced")
def _priced(server: Server, tmp_path: Path) -> Pipeline:
    """The pipeline at a dollar a token, of a server that counts words, on records that `plan` reads."""
    records = tmp_path / "lines.jsonl"
    records.write_text(
        "".join(
            f'{{"instruction": "repeat {n}", "context": "line {n}", "response": "LINE {n}"}}\n' for n in range(RECORDS)
        )
    )
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: USD\ntokens: {echo: {input: 1000000, output: 1000000}}\n")
    spec = attrs.evolve(loaded(server, 1, 4).spec, datasets=())
    return Pipeline(spec).with_dataset("jsonl", path=str(records)).with_costs(prices=prices)


def test_a_load_is_in_the_plan_and_in_what_was_spent(
    priced: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the same prices; nothing of it is in the cost of a candidate."""
    plan = priced.build(registry, offline=True)
    expected = expect_cost(plan, registry).of("generate.echo")
    store = MemoryStore()

    result = priced.run(store=store, registry=registry, progress=Progress())

    assert expected
    assert RECORDS + 1 + 2 * 24 == expected.questions == spent(result.run).answers
    (cell,) = result.leaderboards[0].cells
    assert cell.cost
    assert cell.cost.answers_usd
    assert cell.cost.answers_usd < spent(result.run).usd
    assert [] == [step for step in expect_cost(plan, registry, earlier_steps(plan, store)).steps if step.questions]

    more = priced.with_load(1, 4, 8, requests=24).build(registry, offline=True)
    left = expect_cost(more, registry, earlier_steps(more, store))
    show_expected(open_console(), more, left)

    assert [(1 + 24, LOAD_ALONE)] == [(step.questions, step.basis) for step in left.steps]
    assert f"generate.echo: {LOAD_ALONE}" in capsys.readouterr().out


def test_a_budget_stops_a_load_and_a_larger_one_measures_the_rest(
    priced: Pipeline, server: Server, registry: Registry
) -> None:
    """The candidate has its verdict before; what was measured is not measured again."""
    whole = spent(priced.run(store=MemoryStore(), registry=registry, progress=Progress()).run).usd
    store = MemoryStore()
    server.endpoint.prompts.clear()

    result = priced.with_costs(prices=priced.spec.prices, budget_usd=0.8 * whole).run(
        store=store, registry=registry, progress=Progress()
    )

    record = result.run.record("generate.echo")
    assert isinstance(record, Succeeded)
    assert 1 == record.pending
    assert "echo" == result.decision().best
    assert [1] == [level.concurrency for level in loads(result).levels]
    asked = len(server.endpoint.prompts)
    assert asked < RECORDS + 1 + 2 * 24

    resumed = resume(result.run.id, store=store, registry=registry, progress=Progress(), budget_usd=2 * whole)

    assert loads(result).levels[0] == loads(resumed).levels[0]
    assert [1, 4] == [level.concurrency for level in loads(resumed).levels]
    assert asked + 1 + 24 == len(server.endpoint.prompts)
