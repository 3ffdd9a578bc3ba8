"""The executor `sagemaker`: runs the steps of a plan as a pipeline of `@step` functions, and watches it."""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.pipeline.compile import Compiled, Place, compile_graph
from llmops_plugins.sagemaker.pipeline.execution import RUNNING, STOPPED, Execution, NodeState
from llmops_plugins.sagemaker.pipeline.graph import StepGraph, graph_of
from llmops_plugins.sagemaker.pipeline.nodes import uploads_root
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_plugins.sagemaker.pipeline.steps import container_plan_uri
from llmops_plugins.sagemaker.pipeline.submit import start, stop
from llmops_plugins.sagemaker.settings import SageMakerSettings
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
    open_store,
    plan_uri,
    run_step,
)


class SageMakerExecutor(Executor):
    """Prepares the datasets on this machine, submits the pipeline, and watches it to its end."""

    remote = True
    options: SageMakerExecutorOptions

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Prepare the datasets and start the pipeline; the run has the ID of the execution."""
        self._check_online(runtime)
        aws = self._aws(plan)
        run_store = self._store(aws, store, plan, runtime)
        aws.expect_owner(run_store.uri)
        graph = graph_of(plan)
        place = _place(container_plan_uri(run_store, plan), secrets.token_hex(4))
        compiled = self._compile(aws, graph, plan, runtime, place)
        if not prepare(plan, run_store, runtime):
            return Run.create(run_store, plan, prepared=True)  # without an execution: nothing can be executed
        with runtime.progress.task(f"starting the pipeline {graph.pipeline}"):
            arn = start(aws, graph, compiled, place)
        try:
            runtime.progress.log(f"pipeline {graph.pipeline}: {arn}")
            run = Run.open_or_create(run_store, plan, arn.rpartition("/")[2])
            run.put("requirements.txt", "".join(f"{line}\n" for line in compiled.requirements).encode())
        except BaseException:  # nobody would watch it
            stop(aws, arn)
            raise
        return run

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Return the run while its execution is running; otherwise start another execution."""
        self._check_online(runtime)
        reason = f"the execution of run {run.id} has ended and cannot be resumed"
        if not _all_failed(run):
            try:
                if self._execution(run).status in RUNNING:
                    runtime.progress.log(f"run {run.id} is still running; waiting for its end")
                    return run
            except RunNotFoundError as exc:  # deleted in the account
                reason = f"the execution of run {run.id} is missing: {exc}"
        runtime.progress.log(f"{reason}; starting a new one that reuses its results")
        return self._start_again(run, runtime)

    def is_running(self, run: Run, runtime: Runtime) -> bool:
        """Return whether the execution of the run is still in progress."""
        if _all_failed(run):
            return False
        self._check_online(runtime)
        try:
            return self._execution(run).status in RUNNING
        except RunNotFoundError:  # deleted in the account
            return False

    def execute(self, run: Run, runtime: Runtime) -> None:
        self._watch(run, runtime, lambda: None)

    def detached(self, run: Run) -> str:
        store = shlex.quote(run.store.uri)
        return (
            f"it continues in SageMaker; wait for its end with: llmops attach {run.id} --store {store}\n"
            "each step deletes the resources that it created; if a step is killed, its resources are left and billed"
            f" until you attach or run: llmops gc --run {run.id} --store {store}"
        )

    def compile(self, plan: Plan, runtime: Runtime, *, full: bool = False) -> Any:
        """Return the graph of the pipeline, or its definition with secrets masked."""
        graph = graph_of(plan)
        if not full:
            return attrs.asdict(graph)
        aws = self._aws(plan)
        bucket = aws.settings.bucket or f"sagemaker-{aws.region}-ACCOUNT"  # asking for its real name might create it
        place = _place(plan_uri(f"s3://{bucket}/{aws.settings.prefix}", plan.hash), "START")
        return self._compile(aws, graph, plan, runtime, place).masked()

    # -- replaced by the rehearsal --------------------------------------------------------------

    def _check_online(self, runtime: Runtime) -> None:
        if runtime.offline:
            message = "executor 'sagemaker' needs the network, but this run is offline: run it without --offline"
            raise UserError(message)

    def _aws(self, plan: Plan) -> Aws:
        return Aws(SageMakerSettings.of_plan(plan))

    def _store(self, aws: Aws, store: Store, plan: Plan, runtime: Runtime) -> Store:
        """Return the store of the run, which is in S3: the user's own, or one in the account's bucket."""
        if store.uri.startswith("s3://"):
            return store
        uri = aws.uri()
        runtime.progress.log(f"runs on SageMaker are stored in S3: --store {uri}")
        return open_store(uri, runtime.registry, plan.settings)

    # -------------------------------------------------------------------------------------------

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

    def _start_again(self, run: Run, runtime: Runtime) -> Run:
        new_run = self.create_run(run.plan, run.store, runtime)
        new_run.copy_file(run, "specification.yaml")
        return new_run

    def _compile(self, aws: Aws, graph: StepGraph, plan: Plan, runtime: Runtime, place: Place) -> Compiled:
        with runtime.progress.task(f"compiling the pipeline {graph.pipeline}"):
            return compile_graph(aws, graph, plan, runtime.registry, place)

    def _execution(self, run: Run) -> Execution:
        return Execution(self._aws(run.plan), graph_of(run.plan), run)

    def _stop(self, execution: Execution, runtime: Runtime) -> None:
        execution_id = execution.arn.rpartition("/")[2]
        runtime.progress.log(f"stopping execution {execution_id}; its steps get two minutes to end")
        seconds = min(self.options.poll_seconds, 5.0)
        if not execution.stop(runtime.progress, seconds=seconds, deadline=self.options.stop_seconds):
            runtime.progress.log(f"it did not stop within {self.options.stop_seconds:g} s: {execution.arn}")


def prepare(plan: Plan, store: Store, runtime: Runtime) -> bool:
    """Prepare the datasets on this machine, for every run of the plan; return whether any but that of `retention` succeeded."""
    with Run.temporary(store, plan) as run:
        for step in _prepare_steps(plan):
            record = run_step(run, step.name, runtime)
            run.share_prepared(step.name)
            if isinstance(record, Failed):
                runtime.progress.log(f"  failed    {step.name}: {record.error}")
        return not _all_failed(run)


def finish(run: Run, runtime: Runtime, status: str, nodes: Mapping[str, NodeState]) -> None:
    """Record the steps that an ended execution did not run, and compare if the execution did not."""
    node_of = {step: node.name for node in graph_of(run.plan).nodes for step in node.steps}
    for step in run.plan.steps:
        if run.record(step.name) is not None or isinstance(step, CompareStep):
            continue
        if any(isinstance(run.record(need), Failed) for need in step.needs):
            run_step(run, step.name, runtime)  # only records that an earlier step failed
            continue
        error = _loss(node_of.get(step.name, ""), status, nodes)
        run.write_record(Failed(step.name, error, "", step.name, time.time(), 0.0))
    run_step(run, "compare", runtime)


def _loss(node: str, status: str, nodes: Mapping[str, NodeState]) -> str:
    state = nodes.get(node)
    if status == STOPPED:
        return "the execution was stopped"
    if state is None:
        return f"SageMaker did not start it: the execution ended as {status}"
    return f"its container was lost: {state.reason or state.status}"


def _all_failed(run: Run) -> bool:
    """Return whether no dataset was prepared, so that there is no execution."""
    return all(isinstance(run.record(f"prepare.{dataset.name}"), Failed) for dataset in run.plan.datasets)


def _prepare_steps(plan: Plan) -> tuple[Step, ...]:
    return tuple(step for step in plan.steps if isinstance(step, PrepareStep))


def _place(uri: str, start: str) -> Place:
    """Return where the files of a start are, by the URI of its plan."""
    return Place(urlsplit(uri).netloc, uploads_root(uri, start), uri)
