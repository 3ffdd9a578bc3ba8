"""What a plan is expected to cost, before anything runs: low and high, and what is not known.

The tokens of prompts are those of the test records, rendered, at three to five characters a token. The answers are half as long
as the references at least, and `max_new_tokens` at most. Hours are known only where an earlier run in the store took them for
the same model, or where options limit them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.planning.costs.choose import how_to_price
from llmops_sdk.planning.costs.judges import asks_of, judges_of, judging, unknown_of_judges
from llmops_sdk.planning.costs.tokens import asked_tokens, load_tokens, price_of_tokens, share_asked
from llmops_sdk.plugin.cards import ExecutorCard
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import DatasetSource
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, prints_to_stderr
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.data import Record
from llmops_sdk.values.plan import Component, GenerateStep, Plan, ScoreStep, TrainStep
from llmops_sdk.values.prices import SECONDS_PER_HOUR, Asks, Billing, Price
from llmops_sdk.values.spending import NOTHING, ExpectedCost, ExpectedStep, Range, Spending

LOAD_ALONE = "the answers are reused; the endpoint is started for the load alone"
"""The basis of a step that measures an endpoint, and asks nothing else."""

SLOWER_OR_FASTER = 2.0
"""How much faster or slower than in an earlier run a machine may be."""


@attrs.frozen
class EarlierStep:
    """A step of an earlier run in the store.

    Attributes:
        run: The run.
        spending: What it spent; None where it was reused there, too.
        is_same: Whether it does the same as the planned one, so that its result is reused.
        measured: The numbers of requests in flight with which the same endpoint was measured.
    """

    run: str
    spending: Spending | None
    is_same: bool
    measured: frozenset[int] = frozenset()


def expect_cost(plan: Plan, registry: Registry, earlier: Mapping[str, EarlierStep] | None = None) -> ExpectedCost:
    """Return what a plan is expected to cost.

    Args:
        plan: The plan.
        registry: The installed plugins.
        earlier: Step to what an earlier run in the store did in its place.
    """
    tests = {dataset.name: _test_records(plan, dataset, registry) for dataset in plan.dataset_by_name.values()}
    steps = tuple(_steps(plan, tests, earlier or {}, asks_of(plan, registry)))
    return ExpectedCost(steps, tuple(dict.fromkeys(_unknown(plan, registry, steps))))


def _steps(
    plan: Plan,
    tests: Mapping[str, Sequence[Record] | None],
    earlier: Mapping[str, EarlierStep],
    asks: Mapping[str, Asks],
) -> Iterator[ExpectedStep]:
    for step in plan.steps:
        known = earlier.get(step.name)
        if isinstance(step, TrainStep):
            yield _reused(step.name, step.model, known) or _training(plan, step, known)
        elif isinstance(step, GenerateStep):
            left = _load_left(plan, step, known)
            yield (None if left else _reused(step.name, step.model, known)) or _asking(plan, step, tests, known, left)
        elif isinstance(step, ScoreStep) and judges_of(plan, step):
            records = tests[plan.cell_by_name[step.cell].dataset]
            yield _reused(step.name, "", known) or judging(plan, step, records, asks)


def _reused(step: str, model: str, earlier: EarlierStep | None) -> ExpectedStep | None:
    if earlier is None or not earlier.is_same:
        return None
    return ExpectedStep(step, model, 0, NOTHING, NOTHING, NOTHING, NOTHING, earlier.run, "reused")


def _training(plan: Plan, step: TrainStep, earlier: EarlierStep | None) -> ExpectedStep:
    prices = plan.costs.of(step.model)
    billing = prices.training or Billing()
    hours, basis = Range(), ""
    if earlier and earlier.spending and earlier.spending.seconds:
        hours = _around(earlier.spending.seconds / SECONDS_PER_HOUR)
        basis = f"hours as in run {earlier.run}"
    if billing.most_seconds is not None:
        most = billing.most_seconds / SECONDS_PER_HOUR
        hours = Range(None if hours.low is None else min(hours.low, most), min(most, hours.high or most))
    return ExpectedStep(step.name, step.model, hours=hours, usd=_of_hours(prices.training_price, hours), basis=basis)


def _load_left(plan: Plan, step: GenerateStep, earlier: EarlierStep | None) -> tuple[int, ...]:
    """Return the numbers of requests in flight with which a step is still to measure its endpoint."""
    if plan.load is None or step.name not in plan.load.cells:
        return ()
    return tuple(level for level in plan.load.concurrency if earlier is None or level not in earlier.measured)


def _asking(
    plan: Plan,
    step: GenerateStep,
    tests: Mapping[str, Sequence[Record] | None],
    earlier: EarlierStep | None,
    load: Sequence[int],
) -> ExpectedStep:
    prices = plan.costs.of(step.model)
    if prices.asking.by == "nothing":
        return ExpectedStep(step.name, step.model, 0, NOTHING, NOTHING, NOTHING, NOTHING, basis="recorded answers")
    is_reused = earlier is not None and earlier.is_same
    cells = [] if is_reused else [plan.cell_by_name[name] for name in step.cells]
    share = share_asked(plan, step)
    counted = [asked_tokens(plan, cell, tests[cell.dataset], share) for cell in cells]
    if plan.load and load:
        cell = plan.cell_by_name[plan.load.cells[step.name]]
        counted.append(load_tokens(plan, cell, tests[cell.dataset], len(load) * plan.load.requests + 1))
    known = [each for each in counted if each is not None]
    questions, prompts, answers = None, Range(), Range()
    if len(known) == len(counted):
        questions = sum(each.questions for each in known)
        prompts = Range.sum(each.prompts for each in known)
        answers = Range.sum(each.answers for each in known)
    hours, basis = Range(), LOAD_ALONE if is_reused else ""
    if questions is not None and earlier and earlier.spending and earlier.spending.answers and earlier.spending.seconds:
        seconds = earlier.spending.seconds / earlier.spending.answers * questions
        hours, basis = _around(seconds / SECONDS_PER_HOUR), f"hours as in run {earlier.run}"
    price = prices.price
    if price is None:
        usd = Range()
    elif price.hour is not None:
        usd = _of_hours(price, hours)
    else:
        usd = price_of_tokens(price, prompts, answers)
    return ExpectedStep(step.name, step.model, questions, prompts, answers, hours, usd, basis=basis)


def _around(hours: float) -> Range:
    return Range(hours / SLOWER_OR_FASTER, hours * SLOWER_OR_FASTER)


def _of_hours(price: Price | None, hours: Range) -> Range:
    return Range() if price is None else hours.times(price.hour)


def _unknown(plan: Plan, registry: Registry, steps: Sequence[ExpectedStep]) -> Iterator[str]:
    """Yield what is in no amount, and how to make it known."""
    if registry.card(ExecutorCard, plan.executor.use).emulates_services:
        yield "services are emulated, and bill nothing"
        return
    for step in steps:
        if step.usd.high is not None:
            continue
        if isinstance(planned := plan.step_by_name[step.step], ScoreStep):
            yield from unknown_of_judges(plan, planned, step)
            continue
        prices = plan.costs.of(step.model)
        is_training = isinstance(planned, TrainStep)
        billing = (prices.training if is_training else prices.asking) or Billing()
        price = prices.training_price if is_training else prices.price
        use = f"{'training' if is_training else 'asking'} {step.model}"
        known_by = how_to_price(step.model, billing, training=is_training)
        if price is None and billing.is_own:
            yield f"what an hour of this machine costs is unknown; give it in a file that `prices:` names: {known_by}"
        elif price is None:
            yield f"the price of {use} is unknown; give it in a file that `prices:` names: {known_by}"
        elif price.hour is not None:
            yield f"the hours of {use} are unknown until a run in this store took them"
        elif step.questions is None:
            yield f"the tokens of {use} are unknown: its test records are not read before the run"
        else:
            yield f"the tokens that retrieval adds to the prompts of {step.model} are unknown"


def _test_records(plan: Plan, dataset: Component, registry: Registry) -> tuple[Record, ...] | None:
    """Return the test records of a small dataset; None of another one, or of one that cannot be read."""
    source: DatasetSource = registry.make("dataset", dataset.use, dataset.options)
    with contextlib.suppress(LLMOpsError, *PLUGIN_FAILURES), prints_to_stderr():
        if source.preview() is None or not source.is_small:
            return None
        with TemporaryDirectory(prefix="llmops-") as folder:
            trains = any(isinstance(step, TrainStep) and step.dataset == dataset.name for step in plan.steps)
            return tuple(source.load(Context(folder=Path(folder), home=Path(folder), trains=trains)).test)
    return None
