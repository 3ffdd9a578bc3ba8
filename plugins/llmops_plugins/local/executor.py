"""The executor `local`: runs the steps of a plan on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue

from llmops_plugins.local.device import ALL_GPUS, child_environment
from llmops_sdk.plugin import (
    Child,
    DeployerCard,
    Executor,
    Failed,
    GenerateStep,
    Run,
    Runtime,
    Step,
    StepRecord,
    Succeeded,
    TrainerCard,
    TrainStep,
    run_step,
)

_MAX_LOGGED_STEPS = 100
"""For a plan with more steps, only the progress bar and the failures are shown, not a line for each step."""


class LocalExecutor(Executor):
    """Runs heavy steps in child processes, one for each device at a time, and light steps in this process.

    With one device (or only the CPU) steps run one after another, so that no two steps share the device while latency
    is measured.
    """

    def execute(self, run: Run, runtime: Runtime) -> None:
        gpus = _gpus()
        workers = self.options.workers or max(1, len(gpus))
        pending = [step for step in run.plan.steps if run.record(step.name) is None]
        log_all = len(run.plan.steps) <= _MAX_LOGGED_STEPS
        failed = False
        with runtime.progress.task("steps", len(pending), "steps") as task:

            def finished(record: StepRecord) -> None:
                nonlocal failed
                failed = failed or isinstance(record, Failed)
                task.advance()
                # After a failure, "done compare" as the last line would read as if the run had succeeded.
                log_success = log_all and not (failed and record.step == "compare")
                _log_record(runtime, record, f"{task.done:.0f}/{len(pending)}", log_success=log_success)

            if workers == 1:
                for step in pending:
                    finished(_run_alone(run, step, runtime))
            else:
                _ParallelSteps(run, runtime, workers, gpus).execute(pending, finished)


def _run_alone(run: Run, step: Step, runtime: Runtime) -> StepRecord:
    if isinstance(step, TrainStep) and run.store.uri and _is_heavy(run, step, runtime) and _can_run(run, step):
        return Child(run, step.name, runtime, environment=child_environment()).wait()
    return run_step(run, step.name, runtime)


def _can_run(run: Run, step: Step) -> bool:
    return not any(isinstance(run.record(need), Failed) for need in step.needs)


def _is_heavy(run: Run, step: Step, runtime: Runtime) -> bool:
    """Return whether a step computes on a device of this machine."""
    if isinstance(step, TrainStep):
        trainer = run.plan.model_by_name[step.model].trainer
        return trainer is not None and runtime.registry.card(TrainerCard, trainer.use).uses_local_device
    if isinstance(step, GenerateStep):
        deployer = run.plan.model_by_name[step.model].deployer
        return runtime.registry.card(DeployerCard, deployer.use).uses_local_device
    return False


class _ParallelSteps:
    """Runs several heavy steps at a time, each in a child process with its own device; light steps in this thread."""

    def __init__(self, run: Run, runtime: Runtime, workers: int, gpus: list[str]) -> None:
        self._run = run
        self._runtime = runtime
        self._workers = workers
        self._gpus = gpus
        self._free: SimpleQueue[str] = SimpleQueue()
        for number in range(workers):
            self._free.put(gpus[number % len(gpus)] if gpus else "")
        self._children: set[Child] = set()

    def execute(self, pending: list[Step], finished: Callable[[StepRecord], None]) -> None:
        """Run the steps, each as soon as the steps it needs are recorded."""
        waiting = {step.name: step for step in pending}
        running: dict[Future[StepRecord], str] = {}
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                while waiting or running:
                    for step in self._ready(waiting):
                        del waiting[step.name]
                        if _is_heavy(self._run, step, self._runtime) and _can_run(self._run, step):
                            running[pool.submit(self._in_child, step)] = step.name
                        else:
                            finished(run_step(self._run, step.name, self._runtime))
                    if running and not self._ready(waiting):
                        for future in wait(running, return_when=FIRST_COMPLETED).done:
                            del running[future]
                            finished(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in tuple(self._children):
                    child.stop()
                raise

    def _ready(self, waiting: Mapping[str, Step]) -> list[Step]:
        return [step for step in waiting.values() if all(self._run.record(need) is not None for need in step.needs)]

    def _in_child(self, step: Step) -> StepRecord:
        gpu = self._free.get()
        try:
            one_gpu = {"CUDA_VISIBLE_DEVICES": gpu, ALL_GPUS: ",".join(self._gpus)} if gpu else {}
            environment = {**child_environment(), **one_gpu}
            child = Child(self._run, step.name, self._runtime, environment=environment)
            self._children.add(child)
            try:
                return child.wait()
            finally:
                self._children.discard(child)
        finally:
            self._free.put(gpu)


def _gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs that this process may use, without loading a library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip() not in ("", "-1")]
    return sorted(
        match[1] for path in Path("/dev").glob("nvidia*") if (match := re.fullmatch(r"nvidia(\d+)", path.name))
    )


def _log_record(runtime: Runtime, record: StepRecord, place: str, *, log_success: bool) -> None:
    if isinstance(record, Failed):
        if record.cause == record.step:  # the steps that failed because of it are in the record
            runtime.progress.log(f"  {place}  failed   {record.step}: {record.error}")
    elif log_success and isinstance(record, Succeeded):
        status = "reused" if record.cached else "done"
        reason = f"; {record.reason}" if record.reason else ""
        runtime.progress.log(f"  {place}  {status:<8} {record.step}  {record.seconds:.1f} s{reason}")
