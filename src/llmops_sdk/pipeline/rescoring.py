"""Adding metrics to a finished run, without inference: a new run that reuses the generations of the other one."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import RunNotFoundError, SpecError
from llmops_sdk.pipeline.arguments import Use, use_of
from llmops_sdk.pipeline.execution import open_runtime
from llmops_sdk.pipeline.interruption import interrupted_run
from llmops_sdk.pipeline.reporting import call_reporters
from llmops_sdk.pipeline.result import Result
from llmops_sdk.planning.planner import extend_plan
from llmops_sdk.planning.preflight import require, scoring_checks
from llmops_sdk.planning.specification.data import component_from, spec_from, spec_to
from llmops_sdk.planning.specification.spec import ComponentSpec
from llmops_sdk.planning.specification.yaml_text import dump_yaml, parse_yaml
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.progress import Progress
from llmops_sdk.record.layout import SPECIFICATION, RunLayout
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.steps.cell.probes import find_probes, probers
from llmops_sdk.steps.execution import StepExecution
from llmops_sdk.steps.heartbeat import in_progress
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.steps.step import run_step
from llmops_sdk.values.artifacts import of_repeat
from llmops_sdk.values.plan import CompareStep, Plan, ScoreStep
from llmops_sdk.values.step_records import Succeeded


def rescore(
    run_id: str,
    evaluators: Sequence[Use | dict[str, Any]],
    *,
    metric: str = "",
    store: Store | Path | str = DEFAULT_STORE,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Add evaluators to a finished run without asking any model; creates a new run.

    The run itself does not change; the new run reuses all of its steps but the scores. Scores that exist are not
    computed again.

    Args:
        run_id: The finished run: its ID, a unique prefix of it, or `latest`.
        evaluators: Each the name of an evaluator, a function marked with `@metric` or its place, or a mapping as in a
            specification: `{"use": NAME, ...options}`.
        metric: The metric that decides; by default the run's own.
        store: Where runs are kept: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.
        offline: Whether the network must not be used.
        progress: Where progress is shown; by default the terminal.
        registry: The plugins; by default the installed ones.

    Raises:
        RunNotFoundError: The store has no such run, or it is not finished.
        SpecError: An evaluator does not exist, has a wrong option or a metric that the run has already, or needs probes
            that the run did not ask.
        RunInterrupted: Stopped with Ctrl-C, SIGTERM or SIGHUP; the new run can be resumed.
    """
    registry = registry or Registry.load()
    opened = store if isinstance(store, Store) else open_store(str(store), registry, offline=offline)
    run = Run.open(opened, run_id)
    _check_finished(run)
    added = tuple(
        component_from(use_of(item, "metric") if callable(item) else item, "evaluator") for item in evaluators
    )
    plan = extend_plan(run.plan, added, metric, registry)
    with open_runtime(registry, offline=offline, progress=progress) as runtime:
        require(scoring_checks(plan, registry, runtime.home), runtime.progress)
        _check_probes(run.with_plan(plan), runtime)
        rescored = _create_run(run, plan, added)
        runtime.progress.log(f"run {rescored.id}, rescored from run {run.id}")
        try:
            with in_progress(rescored):
                _score(rescored, runtime)
        except KeyboardInterrupt:
            raise interrupted_run(rescored) from None
    return Result(rescored)


def _score(run: Run, runtime: Runtime) -> None:
    """Run the steps that do not ask a model, and write the report."""
    for asset in run.plan.assets:
        runtime.asset(asset)
    for step in run.plan.steps:
        if isinstance(step, (ScoreStep, CompareStep)):
            run_step(run, step.name, runtime)
    call_reporters(run, runtime)


def _check_finished(run: Run) -> None:
    for step in run.plan.steps:
        if not isinstance(step, (ScoreStep, CompareStep)) and run.record(step.name) is None:
            message = (
                f"run {run.id!r} is not finished: step {step.name!r} is pending; finish it with: "
                f"llmops run --resume {run.id}"
            )
            raise RunNotFoundError(message)


def _check_probes(run: Run, runtime: Runtime) -> None:
    """Refuse an evaluator that would have to ask the models. `run` is the finished run under the new plan."""
    for step in run.plan.steps:
        if not isinstance(step, ScoreStep) or not isinstance(run.record(step.needs[0]), Succeeded):
            continue
        execution = StepExecution(run, step.name, runtime, logging.getLogger(__name__), time.time())
        cell = run.plan.cell_by_name[step.cell]
        template = run.plan.prompt_by_name[cell.prompt].template
        times = [of_repeat(cell.name, repeat) for repeat in range(run.plan.times_asked(cell))]
        generations = [execution.artifact_of(step.needs[0], name).address for name in times]
        with execution.splits(cell.dataset, cell.prompt) as splits:
            for prober in probers(execution, cell, splits.test, template).values():
                probes = prober.probe_set()
                for address in generations if probes.total else ():
                    find_probes(run, prober, probes, address, cell)


def _create_run(run: Run, plan: Plan, added: Sequence[ComponentSpec]) -> Run:
    """Create the record of the new run, with the records of the steps that it reuses."""
    rescored = Run.create(run.store, plan, based_on=run.id)
    for step in plan.steps:
        record = run.record(step.name)
        if record is not None and not isinstance(step, (ScoreStep, CompareStep)):
            rescored.write_record(record)
    try:  # now `llmops clean` sees that the new run uses what the other one made
        run.check_not_freed()
    except RunNotFoundError:
        rescored.store.delete(f"{RunLayout(rescored.id).prefix}/")
        raise
    specification = run.read(SPECIFICATION)
    if specification is not None:
        rescored.put(SPECIFICATION, _extended(specification, plan, added))
    return rescored


def _extended(specification: bytes, plan: Plan, added: Sequence[ComponentSpec]) -> bytes:
    """Return the specification of a run with the added evaluators, and with the metric that decides."""
    try:
        text = specification.decode("utf-8", errors="replace")
        spec = spec_from(parse_yaml(text, SPECIFICATION), where=SPECIFICATION, folder=Path())
    except SpecError:  # written by another version; the plan is the record, this file is for people
        return specification
    earlier = spec.evaluators or tuple(
        ComponentSpec(component.use) for component in plan.evaluators[: len(plan.evaluators) - len(added)]
    )
    spec = attrs.evolve(
        spec, evaluators=(*earlier, *added), decide_by=plan.metric, baseline=plan.baseline, margin=plan.margin
    )
    return dump_yaml(spec_to(spec)).encode()
