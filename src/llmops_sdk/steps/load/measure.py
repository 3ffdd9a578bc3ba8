"""Measuring an endpoint under load, while it is up for the cells: each number of requests in flight on its own.

What is answered is counted and discarded, so it takes no part in any score. A number of requests in flight that was measured
is an artifact; one that a process was killed over is measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timezone
from itertools import islice

import attrs

from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.record.metadata import machine_name
from llmops_sdk.steps.cell.questions import QuestionSet
from llmops_sdk.steps.client.client import Question, ask
from llmops_sdk.steps.client.patience import Patience
from llmops_sdk.steps.client.rates import Rates
from llmops_sdk.steps.client.throughput import Throughput
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.spending.meter import Meter
from llmops_sdk.values.answers import Answered
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.load import LOAD_AT, LoadLevel, ModelLoad
from llmops_sdk.values.plan import GenerateStep, PlannedModel
from llmops_sdk.values.resources import Endpoint
from llmops_sdk.values.serial import digest

_P95, _P99 = (0.95, 20), (0.99, 100)
"""Percentiles, and the fewest answers that have them."""


@attrs.frozen
class LoadSet:
    """What an endpoint is sent to measure it.

    Attributes:
        questions: Those of the cell whose prompts are sent, from the first, and again from the first where they do not suffice.
        requests: How many requests are sent with each number of them in flight.
        addresses: The number of requests in flight to the address of the artifact with what was measured.
        key: Of what is asked for: the load, and the options of the deployer.
    """

    questions: QuestionSet
    requests: int
    addresses: Mapping[int, str]
    key: str

    def artifacts(self, execution: StepExecution) -> dict[str, str]:
        """Return the addresses of what is measured, by their names in the record of the step."""
        run = execution.run
        return {f"{LOAD_AT}{level}": address for level, address in self.addresses.items() if run.artifact(address)}

    def missing(self, execution: StepExecution, *, reread: bool = False) -> tuple[int, ...]:
        """Return the numbers of requests in flight that are to be measured.

        Args:
            execution: The step.
            reread: Whether to look into the store again, where another process may have measured them.
        """
        run, again = execution.run, execution.run.plan.measures_again(execution.step)

        def is_measured(address: str) -> bool:
            artifact = run.artifact(address, reread=reread)
            return artifact is not None and (artifact.run == run.id or not again) and execution.take(address)

        return tuple(level for level, address in self.addresses.items() if not is_measured(address))

    def asked(self) -> Iterator[Question]:
        """Yield the questions of one number of requests in flight."""

        def again_and_again() -> Iterator[Question]:
            while True:
                yield from self.questions.questions()

        for number, question in enumerate(islice(again_and_again(), self.requests)):
            yield attrs.evolve(question, index=number)


@attrs.frozen
class LoadClient:
    """How an endpoint is asked.

    Attributes:
        endpoint: The endpoint.
        connect: Opens connections to it, for its number of requests in flight.
        generation: The options of every answer.
        rates: Its limits of requests and tokens in a minute, or None.
        meter: Counts what is spent.
    """

    endpoint: Endpoint
    connect: Callable[[Endpoint], Transport]
    generation: GenerationOptions
    rates: Rates | None
    meter: Meter


def load_set(
    execution: StepExecution, step: GenerateStep, model: PlannedModel, sets: Iterable[QuestionSet], model_key: str
) -> LoadSet | None:
    """Return what the endpoint of a step is sent to measure it; None if it is not to be measured, or there is nothing to send.

    Args:
        execution: The step being run.
        step: The step.
        model: Its model.
        sets: What its cells are asked.
        model_key: Of the weights and the engine.
    """
    load = execution.run.plan.load
    if load is None or step.name not in load.cells:
        return None
    cell = load.cells[step.name]
    questions = next((each for each in sets if each.cell.name == cell and not each.probes), None)
    if questions is None or not questions.total:
        return None
    # All options of the deployer: those that change no answer (the type of the machine) change the speed.
    own = (model_key, execution.key_of("deployer", model.deployer), model.deployer.options, questions.address)
    addresses = {level: f"load/{digest(*own, level, load.requests)}" for level in load.concurrency}
    key = digest(load.concurrency, load.requests, model.deployer.options)
    return LoadSet(questions, load.requests, addresses, key)


def measure_load(execution: StepExecution, load: LoadSet, levels: Iterable[int], client: LoadClient) -> None:
    """Measure an endpoint with some numbers of requests in flight; at the budget, no further one is measured.

    Args:
        execution: The step. It holds the locks of the artifacts.
        load: What is sent.
        levels: The numbers of requests in flight.
        client: How the endpoint is asked.
    """
    _warm_up(load, client)
    for level in levels:
        at_level = attrs.evolve(client, endpoint=attrs.evolve(client.endpoint, concurrency=level))
        measured = _measure(execution, load, at_level)
        if client.meter.held_back:
            message = f"{execution.step}: the budget is spent: the load of {level} requests at a time is not measured"
            execution.runtime.progress.log(f"warning: {message}")
            return
        for error in ModelLoad("", (measured,)).errors:
            execution.runtime.progress.log(f"warning: {execution.step}: {error}")
        execution.run.finish_artifact(load.addresses[level], measured)


def _warm_up(load: LoadSet, client: LoadClient) -> None:
    """Send one request that is not measured: what an endpoint does at its first one only is no part of its speed."""
    with suppress(EndpointError), closing(client.connect(client.endpoint)) as transport:
        first = client.meter.affordable(islice(load.asked(), 1))
        for outcome in ask(
            transport, first, client.generation, concurrency=1, patience=Patience(0), rates=client.rates
        ):
            client.meter.count(outcome)


def _measure(execution: StepExecution, load: LoadSet, client: LoadClient) -> LoadLevel:
    level = client.endpoint.concurrency
    throughput, seconds, first_tokens = Throughput(), _Seconds(), _Seconds()
    sent, error = 0, ""
    measured_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    title = f"{execution.step}: load of {level} requests at a time"
    with (
        execution.runtime.progress.task(title, load.requests, "requests") as task,
        ExitStack() as stack,
    ):
        try:
            outcomes = ask(
                stack.enter_context(closing(client.connect(client.endpoint))),
                client.meter.affordable(load.asked()),
                client.generation,
                concurrency=level,
                patience=Patience(0),  # what fails is counted: a request that is sent again hides it
                rates=client.rates,
                opens_reasoning=client.endpoint.opens_reasoning,
            )
            for outcome in outcomes:
                sent += 1
                client.meter.count(outcome)
                throughput.count(outcome)
                if isinstance(outcome, Answered):
                    seconds.add(outcome.answer.latency)
                    first_tokens.add(outcome.answer.time_to_first_token)
                else:
                    error = outcome.error
                task.advance(**throughput.progress())
        except EndpointError as exc:  # too many failed: that is what was measured
            error, sent, throughput.failed = str(exc), max(sent, 1), max(throughput.failed, 1)
    return LoadLevel(
        concurrency=level,
        requests=sent,
        failed=throughput.failed,
        seconds=throughput.seconds,
        measured_at=measured_at,
        machine=machine_name(),
        prompts=min(load.questions.total, load.requests),
        requests_per_second=(sent - throughput.failed) / throughput.seconds if throughput.seconds else 0.0,
        output_tokens_per_second=throughput.output_tokens_per_second,
        latency_p50=seconds.quantile(0.5),
        latency_p95=seconds.quantile(*_P95),
        latency_p99=seconds.quantile(*_P99),
        time_to_first_token_p50=first_tokens.quantile(0.5),
        error=" ".join(error.split()),
    )


@attrs.define
class _Seconds:
    """How long something took, of many answers."""

    each: list[float] = attrs.field(factory=list)

    def add(self, seconds: float | None) -> None:
        if seconds is not None:
            self.each.append(seconds)

    def quantile(self, share: float, fewest: int = 1) -> float | None:
        import numpy as np

        return float(np.quantile(self.each, share)) if len(self.each) >= fewest else None
