"""Executing runs: new, resumed and attached ones."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from llmops_sdk.errors import SpecError, StepFailedError, StoreError, describe_os_error
from llmops_sdk.gc.delete import delete_leftovers
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.pipeline.costs import expect_run, raise_budget
from llmops_sdk.pipeline.interruption import interrupted_run, resume_command
from llmops_sdk.pipeline.reporting import call_reporters
from llmops_sdk.pipeline.result import Result
from llmops_sdk.planning.costs.budget import budget_risk
from llmops_sdk.planning.inputs import input_checks
from llmops_sdk.planning.paths import path_checks
from llmops_sdk.planning.preflight import preflight_checks, require, scoring_checks
from llmops_sdk.planning.secrets import secret_checks
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.record.costs.budget import write_expected
from llmops_sdk.record.layout import SPECIFICATION
from llmops_sdk.record.ledger import LedgerEntry
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.steps.executor import Executor
from llmops_sdk.steps.heartbeat import in_progress
from llmops_sdk.steps.runtime import Runtime, default_home, used_cache
from llmops_sdk.steps.signals import stop_signals
from llmops_sdk.values.plan import Plan

LEFTOVER_PATIENCE = 600.0
"""How long to retry deleting a killed step's resources, in seconds: an endpoint cannot be deleted while it is created."""


def start_run(
    plan: Plan,
    specification: str,
    *,
    store: Store | Path | str,
    offline: bool,
    detach: bool,
    progress: Progress | None,
    registry: Registry,
) -> Result:
    """Check what must hold before a run costs anything, create its record, and run it; the arguments are those of `Pipeline.run`.

    Args:
        plan: The plan.
        specification: The text of the specification file.
        store: Where runs are stored.
        offline: Make no network requests.
        detach: Return once a remote run has started.
        progress: Where progress is shown.
        registry: The plugins.
    """
    opened = store if isinstance(store, Store) else open_store(str(store), registry, plan.settings, offline=offline)
    with open_runtime(registry, offline=offline, progress=progress) as runtime:
        executor = make_executor(plan, registry)
        if detach:
            check_remote(executor, plan)
        checks = input_checks(plan, registry, runtime.home) if offline else preflight_checks(plan, registry)
        secrets = secret_checks(plan, registry, offline=offline)
        scoring = () if executor.remote else scoring_checks(plan, registry, runtime.home)
        require([*path_checks(plan, registry), *secrets, *scoring, *checks], runtime.progress)
        expected = expect_run(plan, opened, registry)
        if plan.costs.budget and expected:
            for sentence in expected.unknown:
                runtime.progress.log(f"warning: not in the expected cost: {sentence}")
            if risk := budget_risk(plan.costs.budget.usd, expected):
                runtime.progress.log(f"warning: {risk}")
        run = executor.create_run(plan, opened, runtime)
        run.put(SPECIFICATION, specification.encode())
        if expected:
            write_expected(run, expected)
        if detach:
            runtime.progress.log(f"run {run.id}\n{executor.detached(run)}")
            return Result(run)
        return execute_run(run, executor, runtime)


def resume(
    run_id: str,
    *,
    budget_usd: float | None = None,
    store: Store | Path | str = DEFAULT_STORE,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Resume a run that was stopped or killed, or that has failed steps; completed work is not repeated.

    Args:
        run_id: The run.
        budget_usd: The most that the run may cost from now on, all that it spent included; by default that of its plan.
        store: Where it is stored.
        offline: Make no network requests.
        progress: Where progress is shown.
        registry: The plugins.

    Raises:
        RunNotFoundError: The store has no such run.
        SpecError: The budget is not above what the run has spent.
        PluginError: A plugin of its plan is not installed.
    """
    registry = registry or Registry.load()
    run = open_run(run_id, store, registry, offline=offline)
    if budget_usd is not None:
        raise_budget(run, budget_usd)
    with open_runtime(registry, offline=offline, progress=progress) as runtime:
        executor = make_executor(run.plan, registry)
        scoring = () if executor.remote else scoring_checks(run.plan, registry, runtime.home)
        checks = () if offline else preflight_checks(run.plan, registry)
        secrets = secret_checks(run.plan, registry, offline=offline)
        require([*secrets, *scoring, *checks], runtime.progress)
        return execute_run(executor.resume(run, runtime), executor, runtime)


def attach(
    run_id: str,
    *,
    store: Store | Path | str = DEFAULT_STORE,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Wait for the end of a remote run that was started with `detach`, and return its result.

    Raises:
        RunNotFoundError: The store has no such run.
        SpecError: Its steps run in the program that started it.
        PluginError: A plugin of its plan is not installed.
    """
    registry = registry or Registry.load()
    run = open_run(run_id, store, registry)
    with open_runtime(registry, offline=False, progress=progress) as runtime:
        executor = make_executor(run.plan, registry)
        check_remote(executor, run.plan)
        return execute_run(run, executor, runtime)


def open_run(run_id: str, store: Store | Path | str, registry: Registry, *, offline: bool = False) -> Run:
    """Open the record of a run, and check that the plugins of its plan are installed."""
    run = Run.open(store if isinstance(store, Store) else open_store(str(store), registry, offline=offline), run_id)
    registry.check_pins(run.plan)
    return run


@contextmanager
def open_runtime(registry: Registry, *, offline: bool, progress: Progress | None) -> Iterator[Runtime]:
    """Start showing the progress, and yield this process's registry, cache and progress; SIGTERM stops it as Ctrl-C does."""
    with stop_signals(), progress or progress_for() as shown, used_cache(default_home()):
        yield Runtime(registry, default_home(), offline=offline, progress=shown)


def make_executor(plan: Plan, registry: Registry) -> Executor:
    """Make the executor of a plan."""
    executor: Executor = registry.make("executor", plan.executor.use, plan.executor.options)
    return executor


def check_remote(executor: Executor, plan: Plan) -> None:
    """Refuse an executor that runs the steps in this process."""
    if not executor.remote:
        message = f"executor {plan.executor.use!r} runs the steps in the program that starts them: it can neither detach nor attach"
        raise SpecError(message)


def execute_run(run: Run, executor: Executor, runtime: Runtime) -> Result:
    """Download the assets that the plan needs on this machine, run its steps on its executor, and write the report."""
    try:
        runtime.progress.log(f"run {run.id}")
        with in_progress(run):
            if not executor.remote:
                for asset in run.plan.assets:
                    runtime.asset(asset)
            start = time.time()
            try:
                executor.execute(run, runtime)
            finally:
                if executor.remote:
                    _delete_left(run, runtime, run.ledger(), force=True)
            if not executor.remote:  # whose steps have tried to delete their own
                _delete_left(run, runtime, [entry for entry in run.ledger() if entry.entered < start])
            call_reporters(run, runtime)
    except KeyboardInterrupt:
        raise interrupted_run(run) from None
    except OSError as exc:
        resume_with = resume_command(run.id, run.store.uri)
        message = f"the run stopped: {describe_os_error(exc)}; completed work is saved; resume with: {resume_with}"
        raise StoreError(message) from exc
    _check_evaluated(run)
    return Result(run)


def _check_evaluated(run: Run) -> None:
    """Raise if no candidate has a result: a script must not take such a run for a success."""
    boards = run.results().leaderboards
    failed = [cell for board in boards for cell in board.failed]
    if not failed or any(board.cells for board in boards):
        return
    reasons: dict[str, list[str]] = {}
    for cell in failed:
        reasons.setdefault(f"step {cell.step} failed: {cell.error}", []).append(cell.label)
    text = "; ".join(f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in reasons.items())
    message = f"no candidate of run {run.id!r} could be evaluated: {text}"
    raise StepFailedError(message, run)


def _delete_left(run: Run, runtime: Runtime, entries: Iterable[LedgerEntry], *, force: bool = False) -> None:
    """Delete what killed steps, or an earlier attempt that could not delete it, left; log what cannot be deleted.

    Args:
        run: The run.
        runtime: The process's registry, cache and progress.
        entries: The entries of its ledger that may be deleted; none is that of a resource that was kept on purpose.
        force: Whether those of steps that seem to be running are deleted too.
    """
    left = {entry.resource for entry in entries if entry.deleted is None and not entry.kept}
    if not left:
        return
    leftovers = find_leftovers(run.store, runtime, Choice(run_id=run.id, force=force, skip_kept=True))
    leftovers = attrs.evolve(leftovers, items=tuple(item for item in leftovers.items if force or item.resource in left))
    for item in delete_leftovers(leftovers, runtime, patience=LEFTOVER_PATIENCE).items:
        resource = f"{item.resource.kind} {item.resource.name!r}"
        if item.status == "deleted":
            runtime.progress.log(f"  deleted      {resource}")
        elif item.status == "failed":
            runtime.progress.log(f"  not deleted  {resource}: {item.error}; try again with: llmops gc --run {run.id}")
