"""The work of one node of the pipeline, in the container that SageMaker starts for it.

The function is pickled by its name, since this package is installed in the container. Its arguments are the URI of the
plan, the ID of the execution and the name of the node; everything else is in the plan and in the record. A run has the ID
of its execution, so every start of the pipeline (by this program, in Studio, by a schedule) is a separate run.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from llmops_plugins.sagemaker.interrupts import interrupt_at_sigterm
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.settings import PLUGIN
from llmops_sdk.plugin import (
    CompareStep,
    Failed,
    Plan,
    Run,
    Runtime,
    ScoreStep,
    StepFailedError,
    Store,
    Succeeded,
    open_store,
    plan_uri,
    read_plan,
    run_step,
    split_plan_uri,
)

_CLIENT_ONLY = ("profile",)
"""Settings of the machine that made the plan, which have no meaning in a container."""

_VERBOSE_LOGGERS = ("httpx", "botocore")
"""Loggers that would log every request, because the SageMaker SDK turns on all logging."""


def run_node(uri: str, execution_id: str, node: str) -> str:
    """Run the steps of one node, and return how they ended.

    A failed step is recorded and does not raise, so that SageMaker continues with the other nodes. `compare`, the last
    step, raises when a candidate has no result, so that the execution ends as Failed.

    Args:
        uri: The URI of the plan, as `container_plan_uri` made it.
        execution_id: The ID of the execution, which is the ID of the run.
        node: The name of the node.

    Raises:
        StepFailedError: `compare` is done and a candidate has no result; or SageMaker stopped the job.
    """
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    store, plan = open_plan(uri)
    run = Run.open_or_create(store, plan, execution_id)
    run = run.with_plan(_without_client_settings(run.plan))
    runtime = Runtime.of_this_process()
    runtime.registry.check_pins(run.plan)
    planned = graph_of(plan).node(node)
    _print(f"run {run.id}, node {node}: {', '.join(planned.steps)}")
    interrupt_at_sigterm()
    try:
        ends = [_run(run, step, runtime) for step in planned.steps]
    except KeyboardInterrupt as exc:
        message = f"node {node!r} was stopped"
        raise StepFailedError(message) from exc
    if isinstance(run.plan.step_by_name[planned.steps[-1]], CompareStep):
        _check_cells(run)
    return "; ".join(ends)


def container_plan_uri(store: Store, plan: Plan) -> str:
    """Return the URI by which a container finds a plan of the store."""
    parts = urlsplit(store.uri)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name not in _CLIENT_ONLY]
    return plan_uri(urlunsplit(parts._replace(query=urlencode(options, safe=":/"))), plan.hash)


def open_plan(uri: str) -> tuple[Store, Plan]:
    """Return the store that holds a plan, and the plan.

    Raises:
        RunNotFoundError: The plan is missing.
    """
    address = split_plan_uri(uri)
    store = open_store(address.store_uri)
    return store, read_plan(store, address.plan_hash)


# -----------------------------------------------------------------------------------------------


def _run(run: Run, step: str, runtime: Runtime) -> str:
    record = run_step(run, step, runtime)
    if isinstance(record, Failed):
        end = f"{step} failed: {record.error}"
        _print(f"{end}\n{record.detail}".rstrip())
        return end
    end = f"{step} {'reused' if record.cached else 'done'} in {record.seconds:.1f} s"
    _print(end)
    planned = run.plan.step_by_name[step]
    if isinstance(planned, ScoreStep):
        _print_metrics(run, planned.cell)
    return end


def _print_metrics(run: Run, cell: str) -> None:
    """Print the name and mean of every metric of a scored cell."""
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for sample in run.samples(cell):
        for name, value in sample.scores.items():
            sums[name] += value
            counts[name] += 1
    for name, total in sums.items():
        _print(f"{cell}  {name}  {total / counts[name]:.4f}  (mean of {counts[name]})")


def _check_cells(run: Run) -> None:
    last = len(run.plan.looks)
    scores = [step for step in run.plan.steps if isinstance(step, ScoreStep) and step.look == last]
    missing = [step.cell for step in scores if not isinstance(run.record(step.name), Succeeded)]
    if missing:
        message = f"{len(missing)} of {len(scores)} candidates have no result: {', '.join(missing)}; see the record for the reasons"
        raise StepFailedError(message)


def _without_client_settings(plan: Plan) -> Plan:
    settings: dict[str, Mapping[str, Any]] = dict(plan.settings)
    own = settings.get(PLUGIN, {})
    settings[PLUGIN] = {name: value for name, value in own.items() if name not in _CLIENT_ONLY}
    return attrs.evolve(plan, settings=settings)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - CloudWatch keeps what a container prints
