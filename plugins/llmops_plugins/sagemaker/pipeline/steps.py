"""What a node of the pipeline does, in the container that SageMaker starts for it.

The function is pickled by its name: this package is installed in the container. It is told where the plan is, which
execution it belongs to, and which node it is; everything else is in the plan and in the record. A run has the id of its
execution, so that every start of the pipeline (by this program, in Studio, by a schedule) is a run of its own.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from llmops_plugins.sagemaker.aws.interrupts import interrupt_at_sigterm
from llmops_plugins.sagemaker.aws.settings import PLUGIN
from llmops_plugins.sagemaker.pipeline.compile import COMPARE, graph_of
from llmops_sdk.plugin import (
    Failed,
    Plan,
    PrepareStep,
    Run,
    RunNotFoundError,
    Runtime,
    ScoreStep,
    StepFailedError,
    Store,
    Succeeded,
    open_store,
    run_step,
)

_MINE = ("profile",)
"""Settings of the machine that made the plan, which mean nothing in a container."""

_CHATTY = ("httpx", "botocore")
"""Loggers that tell every request, where the SageMaker SDK has turned on all logging."""


def run_node(plan_uri: str, execution_id: str, node: str) -> str:
    """Run the plan's steps of one node, and say how they ended.

    A step that fails is in the record and does not raise, so that SageMaker goes on with the others. `compare`, which
    comes last, raises when a cell has no result: so the execution ends as Failed.

    Args:
        plan_uri: Of the plan, as `plan_uri` made it.
        execution_id: Of the execution, which is the run's id.
        node: The name of the node.

    Raises:
        StepFailedError: `compare` is done, and a cell has no result; or SageMaker stopped the job.
    """
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    store, plan = open_plan(plan_uri)
    run = _here(begin_run(store, plan, execution_id))
    runtime = Runtime.here()
    runtime.registry.check_pins(run.plan)
    found = graph_of(plan).node(node)
    _say(f"run {run.id}, node {node}: {', '.join(found.steps)}")
    interrupt_at_sigterm()
    try:
        told = [_run(run, step, runtime) for step in found.steps]
    except KeyboardInterrupt as exc:
        message = f"node {node!r} was stopped"
        raise StepFailedError(message) from exc
    if found.kind == COMPARE:
        _check_cells(run)
    return "; ".join(told)


def _run(run: Run, step: str, runtime: Runtime) -> str:
    record = run_step(run, step, runtime)
    if isinstance(record, Failed):
        told = f"{step} failed: {record.error}"
        _say(f"{told}\n{record.detail}".rstrip())
        return told
    told = f"{step} {'reused' if record.cached else 'done'} in {record.seconds:.1f} s"
    _say(told)
    planned = run.plan.step_by_name[step]
    if isinstance(planned, ScoreStep):
        print_metrics(run, planned.cell)
    return told


def print_metrics(run: Run, cell: str, tell: Callable[[str], None] | None = None) -> None:
    """Print the name and mean of every metric of a scored cell, as the log of a step shows them."""
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for sample in run.samples(cell):
        for name, value in sample["scores"].items():
            sums[name] += value
            counts[name] += 1
    for name, total in sums.items():
        (tell or _say)(f"{cell}  {name}  {total / counts[name]:.4f}  (mean of {counts[name]})")


def _check_cells(run: Run) -> None:
    scores = [step for step in run.plan.steps if isinstance(step, ScoreStep)]
    without = [step.cell for step in scores if not isinstance(run.record(step.name), Succeeded)]
    if without:
        message = f"{len(without)} of {len(scores)} cells have no result: {', '.join(without)}; the record tells why"
        raise StepFailedError(message)


# -- the run ------------------------------------------------------------------------------------


def plan_uri(store: Store, plan: Plan) -> str:
    """Return the URI by which a container finds a plan of the store."""
    parts = urlsplit(store.uri)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in _MINE], safe=":/")
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{_plan_key(plan.hash)}", query, ""))


def open_plan(uri: str) -> tuple[Store, Plan]:
    """Return the store in which a plan is, and the plan.

    Raises:
        RunNotFoundError: It is not there.
    """
    parts = urlsplit(uri)
    base, _, key = parts.path.rpartition("/plans/")
    store = open_store(urlunsplit((parts.scheme, parts.netloc, base, parts.query, "")))
    data = store.get(f"plans/{key}")
    if data is None:
        message = f"the plan {uri!r} is gone from the store"
        raise RunNotFoundError(message)
    return store, Plan.from_json(json.loads(data))


def begin_run(store: Store, plan: Plan, run_id: str) -> Run:
    """Return the run of an execution, whoever comes first to begin it: it has the steps that the client prepared."""
    if store.get(f"runs/{run_id}/run.json") is not None:
        return Run.open(store, run_id)
    for step in plan.steps:  # before the run is there: another node that finds it finds these too
        if isinstance(step, PrepareStep):
            store.copy(prepared_key(plan.hash, step.name), f"runs/{run_id}/steps/{step.name}.json")
    return Run.create(store, plan, run_id=run_id)


def prepared_key(plan_hash: str, step: str) -> str:
    """Return where the client leaves the record of a step that it prepared."""
    return f"plans/{plan_hash}/prepared/{step}.json"


def _plan_key(plan_hash: str) -> str:
    return f"plans/{plan_hash}/plan.json"


def _here(run: Run) -> Run:
    """Return the run with a plan whose settings fit this machine."""
    settings: dict[str, Mapping[str, Any]] = dict(run.plan.settings)
    own = settings.get(PLUGIN, {})
    settings[PLUGIN] = {name: value for name, value in own.items() if name not in _MINE}
    return Run(run.store, run.id, attrs.evolve(run.plan, settings=settings), run.metadata)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a container prints is its log in CloudWatch
