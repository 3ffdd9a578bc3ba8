"""The executor `sagemaker`: the steps of a plan run as a pipeline of `@step` functions, and this program watches."""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_plugins.sagemaker.pipeline.compile import StepGraph, graph_of
from llmops_plugins.sagemaker.pipeline.execution import RUNNING, STOPPED, Execution, NodeState
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_plugins.sagemaker.pipeline.steps import begin_run, plan_uri, prepared_key
from llmops_plugins.sagemaker.pipeline.submit import Compiled, Place, compile_graph, start, stop
from llmops_sdk.plugin import (
    CompareStep,
    Executor,
    Failed,
    Plan,
    PrepareStep,
    Run,
    RunNotFoundError,
    Runtime,
    Step,
    Store,
    UserError,
    canonical,
    open_store,
    run_step,
)

_PIPELINES = "pipelines"
"""Where in the store the SDK puts payloads and results."""


class SageMakerExecutor(Executor):
    """Prepares the data here, submits the pipeline, and watches it to its end."""

    remote = True
    options: SageMakerExecutorOptions

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Prepare the data, and start the pipeline; the run's id is that of the execution."""
        self._check_online(runtime)
        aws = self._aws(plan)
        place = self._store(aws, store, plan, runtime)
        graph = graph_of(plan)
        uri = plan_uri(place, plan)
        compiled = self._compile(aws, graph, plan, runtime, uri)
        if not prepare(plan, place, runtime):
            return self._unprepared(plan, place)
        with runtime.progress.task(f"starting the pipeline {graph.pipeline}"):
            arn = start(aws, graph, compiled, _place(uri))
        try:
            runtime.progress.log(f"pipeline {graph.pipeline}: {arn}")
            run = begin_run(place, plan, arn.rpartition("/")[2])
            run.put("requirements.txt", "".join(f"{line}\n" for line in compiled.requirements).encode())
        except BaseException:  # nobody would watch it
            stop(aws, arn)
            raise
        return run

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Go on watching an execution that has not ended; begin another one in the place of one that has, or is gone."""
        self._check_online(runtime)
        why = f"the execution of run {run.id} has ended, and none can be gone on with"
        if not _all_failed(run):
            try:
                if self._execution(run).status in RUNNING:
                    runtime.progress.log(f"run {run.id} is being executed; waiting for its end")
                    return run
            except RunNotFoundError as exc:  # deleted in the account
                why = f"the execution of run {run.id} is gone: {exc}"
        runtime.progress.log(f"{why}: a new one takes over what it has made")
        return self._anew(run, runtime)

    def execute(self, run: Run, runtime: Runtime) -> None:
        self._watch(run, runtime, lambda: None)

    def _watch(self, run: Run, runtime: Runtime, changed: Callable[[], None]) -> None:
        self._check_online(runtime)
        if _all_failed(run):
            finish(run, runtime, "", {})
            return
        execution = self._execution(run)
        try:
            status, nodes = execution.watch(runtime.progress, self.options.poll_seconds, changed)
        except KeyboardInterrupt:
            self._stop(execution, runtime)
            raise
        finish(run, runtime, status, nodes)

    def detached(self, run: Run) -> str:
        return (
            f"it goes on in SageMaker; wait for its end with: llmops attach {run.id} --store {shlex.quote(run.store.uri)}\n"
            "each step deletes what it has created; what a step leaves that is killed, nothing deletes by itself:"
            f" llmops gc --run {run.id} --store {shlex.quote(run.store.uri)} does, and so does attach"
        )

    def compile(self, plan: Plan, runtime: Runtime, *, full: bool = False) -> Any:
        """Return the graph of the pipeline, or what the SageMaker SDK makes of it, with secrets masked."""
        graph = graph_of(plan)
        if not full:
            return attrs.asdict(graph)
        aws = self._aws(plan)
        bucket = aws.settings.bucket or f"sagemaker-{aws.region}-ACCOUNT"  # asking for it might make it
        base = f"s3://{bucket}/{aws.settings.prefix}"
        compiled = self._compile(aws, graph, plan, runtime, f"{base}/plans/{plan.hash}/plan.json")
        return compiled.masked()

    # -- for the rehearsal to replace -----------------------------------------------------------

    def _check_online(self, runtime: Runtime) -> None:
        if runtime.offline:
            message = "executor 'sagemaker' needs the network, and this run is offline: run it without --offline"
            raise UserError(message)

    def _aws(self, plan: Plan) -> Aws:
        return Aws(SageMakerSettings.from_mapping(plan.settings.get(PLUGIN, {})))

    def _store(self, aws: Aws, store: Store, plan: Plan, runtime: Runtime) -> Store:
        """Return the store of the run, which is in S3: the user's, or one in the account's bucket."""
        if store.uri.startswith("s3://"):
            return store
        uri = aws.uri()
        runtime.progress.log(f"what runs on SageMaker is kept in S3: --store {uri}")
        return open_store(uri, runtime.registry, plan.settings)

    # -------------------------------------------------------------------------------------------

    def _anew(self, run: Run, runtime: Runtime) -> Run:
        made = self.create_run(run.plan, run.store, runtime)
        specification = run.store.get(f"runs/{run.id}/specification.yaml")
        if specification is not None:
            made.put("specification.yaml", specification)
        return made

    def _compile(self, aws: Aws, graph: StepGraph, plan: Plan, runtime: Runtime, uri: str) -> Compiled:
        with runtime.progress.task(f"compiling the pipeline {graph.pipeline}"):
            return compile_graph(aws, graph, plan, runtime.registry, _place(uri))

    def _execution(self, run: Run) -> Execution:
        return Execution(self._aws(run.plan), graph_of(run.plan), run)

    def _stop(self, execution: Execution, runtime: Runtime) -> None:
        started = execution.arn.rpartition("/")[2]
        runtime.progress.log(f"stopping the execution {started}, whoever started it; its steps get two minutes to end")
        seconds = min(self.options.poll_seconds, 5.0)
        if not execution.stop(runtime.progress, seconds=seconds, deadline=self.options.stop_seconds):
            runtime.progress.log(f"it has not stopped within {self.options.stop_seconds:g} s: {execution.arn}")

    def _unprepared(self, plan: Plan, store: Store) -> Run:
        """Begin a run that nothing can be executed of: no dataset could be prepared."""
        run = Run.create(store, plan)
        for step in _prepares(plan):
            store.copy(prepared_key(plan.hash, step.name), f"runs/{run.id}/steps/{step.name}.json")
        return run


def prepare(plan: Plan, store: Store, runtime: Runtime) -> bool:
    """Prepare the datasets here, leave the records where every run of the plan finds them; tell whether one was."""
    store.put(f"plans/{plan.hash}/plan.json", canonical(plan.json))
    scratch = Run(store, f"preparing-{secrets.token_hex(6)}", plan, {})
    prepared = False
    try:
        for step in _prepares(plan):
            record = run_step(scratch, step.name, runtime)
            store.copy(f"runs/{scratch.id}/steps/{step.name}.json", prepared_key(plan.hash, step.name))
            if isinstance(record, Failed):
                runtime.progress.log(f"  failed    {step.name}: {record.error}")
            prepared = prepared or not isinstance(record, Failed)
    finally:
        store.delete(f"runs/{scratch.id}/")
    return prepared


def finish(run: Run, runtime: Runtime, status: str, nodes: Mapping[str, NodeState]) -> None:
    """Record what an ended execution did not come to, and compare, where the execution did not."""
    node_of = {step: node.name for node in graph_of(run.plan).nodes for step in node.steps}
    for step in run.plan.steps:
        if run.record(step.name) is not None or isinstance(step, CompareStep):
            continue
        if any(isinstance(run.record(need), Failed) for need in step.needs):
            run_step(run, step.name, runtime)  # records that it failed earlier, and does nothing else
            continue
        error = _lost(node_of.get(step.name, ""), status, nodes)
        run.write_record(Failed(step.name, error, "", step.name, time.time(), 0.0))
    run_step(run, "compare", runtime)


def _lost(node: str, status: str, nodes: Mapping[str, NodeState]) -> str:
    state = nodes.get(node)
    if status == STOPPED:
        return "the execution was stopped"
    if state is None:
        return f"SageMaker did not start it: the execution ended as {status}"
    return f"its container was lost: {state.reason or state.status}"


def _all_failed(run: Run) -> bool:
    """Tell whether no dataset was prepared, so that there is no execution."""
    return all(isinstance(run.record(step.name), Failed) for step in _prepares(run.plan))


def _prepares(plan: Plan) -> tuple[Step, ...]:
    return tuple(step for step in plan.steps if isinstance(step, PrepareStep))


def _place(uri: str) -> Place:
    parts = urlsplit(uri)
    base = parts.path.rpartition("/plans/")[0].strip("/")
    return Place(parts.netloc, "/".join(filter(None, (f"s3://{parts.netloc}", base, _PIPELINES))), uri)
