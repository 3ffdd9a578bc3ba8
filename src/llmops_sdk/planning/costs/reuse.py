"""What earlier runs in a store did in place of the steps of a plan: what will be reused, and how long the rest took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import attrs

from llmops_sdk.errors import LLMOpsError, RecordError
from llmops_sdk.planning.costs.estimate import EarlierStep
from llmops_sdk.planning.costs.judges import judges_of
from llmops_sdk.record.costs.spending import read_spending
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs
from llmops_sdk.record.stores import Store
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.load import LOAD_AT
from llmops_sdk.values.plan import GenerateStep, Plan, ScoreStep, Step, TrainStep
from llmops_sdk.values.serial import digest, to_json
from llmops_sdk.values.step_records import Succeeded

MOST_RUNS = 30
"""The most runs that are looked at, the newest first."""


def earlier_steps(plan: Plan, store: Store) -> dict[str, EarlierStep]:
    """Return what earlier runs did in place of the steps that train or ask, by step.

    A step is the same where its model, prompts, dataset and options are, by the plans; a file that changed since is found out
    by the run only.

    Args:
        plan: The plan.
        store: Where its runs are stored.
    """
    steps = [step for step in plan.steps if _can_cost(plan, step)]
    earlier_by_step: dict[str, EarlierStep] = {}
    measured: dict[str, frozenset[int]] = {}
    for run in _newest(store):
        theirs = {_signature(run.plan, step): step.name for step in run.plan.steps if _can_cost(run.plan, step)}
        for step in steps:
            same = theirs.get(_signature(plan, step))
            if same:
                measured[step.name] = measured.get(step.name, frozenset()) | _measured(plan, step, run, same)
            earlier = earlier_by_step.get(step.name)
            if earlier and earlier.is_same:
                continue
            if same and not plan.is_fresh(step.name) and _is_complete(run, same):
                earlier_by_step[step.name] = EarlierStep(run.id, None, is_same=True)
            elif earlier is None and (like := _alike(plan, step, run)):
                spending = None
                with suppress(RecordError):  # another run may know it
                    spending = read_spending(run, like)
                if spending and spending.seconds:
                    earlier_by_step[step.name] = EarlierStep(run.id, spending, is_same=False)
    return {
        name: attrs.evolve(each, measured=measured.get(name, frozenset())) for name, each in earlier_by_step.items()
    }


def _newest(store: Store) -> Iterator[Run]:
    for metadata in list_runs(store)[: -MOST_RUNS - 1 : -1]:
        try:
            run = Run.open(store, metadata.run)
        except LLMOpsError:
            continue  # it is damaged, or of a version that this one cannot read
        yield run


def _can_cost(plan: Plan, step: Step) -> bool:
    return isinstance(step, (TrainStep, GenerateStep)) or (isinstance(step, ScoreStep) and bool(judges_of(plan, step)))


def _signature(plan: Plan, step: object) -> str:
    """Return a hash of what decides the result of a step, as far as a plan knows it."""
    if isinstance(step, TrainStep):
        model = plan.model_by_name[step.model]
        trainer = model.trainer_of(step.seed)
        dataset, prompt = plan.dataset_by_name[step.dataset], plan.prompt_by_name[step.prompt]
        return digest("train", to_json(model.base), trainer and trainer.key, dataset.key, prompt.key)
    if isinstance(step, ScoreStep):
        cell = plan.cell_by_name[step.cell]
        judges = sorted(each.key for each in plan.evaluators if each.name in judges_of(plan, step))
        shown = plan.dataset_by_name[cell.dataset].key, plan.prompt_by_name[cell.prompt].key
        return digest("score", _signature(plan, plan.step_by_name[step.needs[0]]), shown, judges)
    if not isinstance(step, GenerateStep):
        return ""
    model = plan.model_by_name[step.model]
    cells = [plan.cell_by_name[name] for name in step.cells]
    asked = sorted(
        [plan.dataset_by_name[cell.dataset].key, plan.prompt_by_name[cell.prompt].key, plan.times_asked(cell)]
        for cell in cells
    )
    weights = _signature(plan, plan.step_by_name[step.train]) if step.train else to_json(model.base)
    generation = vary(plan.generation, model.varies).key
    return digest("generate", weights, model.deployer.key, asked, generation, step.look, plan.looks)


def _is_complete(run: Run, step: str) -> bool:
    """Return whether a step of a run succeeded, and what it made is still in the store."""
    record = run.record(step)
    return (
        isinstance(record, Succeeded)
        and not record.pending
        and all(
            run.artifact(address) is not None
            for name, address in record.artifacts.items()
            if not name.startswith(LOAD_AT)
        )
    )


def _measured(plan: Plan, step: Step, run: Run, same: str) -> frozenset[int]:
    """Return the numbers of requests in flight with which a step of a run measured an endpoint that a step of the plan measures."""
    record, other = run.record(same), run.plan.step_by_name[same]
    if not isinstance(step, GenerateStep) or not isinstance(other, GenerateStep) or not isinstance(record, Succeeded):
        return frozenset()
    is_alike = plan.model_by_name[step.model].deployer.options == run.plan.model_by_name[other.model].deployer.options
    loads = plan.load, run.plan.load
    if not is_alike or plan.measures_again(step.name) or len({load and load.requests for load in loads}) > 1:
        return frozenset()
    addresses = {name: address for name, address in record.artifacts.items() if name.startswith(LOAD_AT)}
    return frozenset(int(name.removeprefix(LOAD_AT)) for name, address in addresses.items() if run.artifact(address))


def _alike(plan: Plan, step: Step, run: Run) -> str:
    """Return the step of a run that trained or asked the same model in the same way, whatever with; empty if none did."""
    if not isinstance(step, (TrainStep, GenerateStep)):
        return ""
    model = plan.model_by_name[step.model]
    for other in run.plan.steps:
        if type(other) is not type(step) or not isinstance(other, (TrainStep, GenerateStep)):
            continue
        theirs = run.plan.model_by_name[other.model]
        part, their_part = (
            (model.trainer, theirs.trainer) if isinstance(step, TrainStep) else (model.deployer, theirs.deployer)
        )
        if theirs.base == model.base and part and their_part and part.key == their_part.key:
            return other.name
    return ""
