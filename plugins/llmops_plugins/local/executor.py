"""Runs the steps of a plan on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue

from llmops_plugins.local.device import child_environment
from llmops_sdk.plugin import (
    Child,
    Executor,
    Failed,
    GenerateStep,
    Run,
    Runtime,
    Step,
    StepRecord,
    Succeeded,
    TrainStep,
    run_step,
)

_TOLD_STEPS = 100
"""Plans with more steps are told by their bar and their failures, not by a line a step."""


class LocalExecutor(Executor):
    """Heavy steps in children, as many at a time as there are devices; light ones in this process.

    With one device (or none but the CPU) steps run one after another, so that a measured latency is not that of two
    steps at once.
    """

    def execute(self, run: Run, runtime: Runtime) -> None:
        gpus = _gpus()
        workers = self.options.workers or max(1, len(gpus))
        todo = [step for step in run.plan.steps if run.record(step.name) is None]
        told = len(run.plan.steps) <= _TOLD_STEPS
        with runtime.progress.task("steps", len(todo), "steps") as task:

            def finished(record: StepRecord) -> None:
                task.advance()
                _tell(runtime, record, told=told)

            if workers == 1:
                for step in todo:
                    finished(_run_here(run, step, runtime))
            else:
                _SideBySide(run, runtime, workers, gpus).execute(todo, finished)


def _run_here(run: Run, step: Step, runtime: Runtime) -> StepRecord:
    if isinstance(step, TrainStep) and run.store.uri and _is_heavy(run, step, runtime) and _can_run(run, step):
        return Child(run, step.name, runtime, environment=child_environment()).wait()
    return run_step(run, step.name, runtime)


def _can_run(run: Run, step: Step) -> bool:
    return not any(isinstance(run.record(need), Failed) for need in step.needs)


def _is_heavy(run: Run, step: Step, runtime: Runtime) -> bool:
    """Tell whether a step computes on a device of this machine."""
    if isinstance(step, TrainStep):
        trainer = run.plan.model_by_name[step.model].trainer
        return trainer is not None and runtime.registry.offer("trainer", trainer.use).card.uses_local_device
    if isinstance(step, GenerateStep):
        deployer = run.plan.model_by_name[step.model].deployer
        return runtime.registry.offer("deployer", deployer.use).card.uses_local_device
    return False


class _SideBySide:
    """Several heavy steps at a time, each in a child on a device of its own; light steps in this thread."""

    def __init__(self, run: Run, runtime: Runtime, workers: int, gpus: list[str]) -> None:
        self._run = run
        self._runtime = runtime
        self._workers = workers
        self._free: SimpleQueue[str] = SimpleQueue()
        for number in range(workers):
            self._free.put(gpus[number % len(gpus)] if gpus else "")
        self._children: set[Child] = set()

    def execute(self, todo: list[Step], finished: Callable[[StepRecord], None]) -> None:
        """Run the steps, each as soon as what it needs is recorded."""
        waiting = {step.name: step for step in todo}
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
            environment = {**child_environment(), **({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})}
            child = Child(self._run, step.name, self._runtime, environment=environment)
            self._children.add(child)
            try:
                return child.wait()
            finally:
                self._children.discard(child)
        finally:
            self._free.put(gpu)


def _gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs this process may use, without loading a library for it."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [gpu.strip() for gpu in chosen.split(",") if gpu.strip() not in ("", "-1")]
    return sorted(
        match[1] for path in Path("/dev").glob("nvidia*") if (match := re.fullmatch(r"nvidia(\d+)", path.name))
    )


def _tell(runtime: Runtime, record: StepRecord, *, told: bool) -> None:
    if isinstance(record, Failed):
        if record.cause == record.step:  # what failed because of it is in the record
            runtime.progress.log(f"  failed   {record.step}: {record.error}")
    elif told and isinstance(record, Succeeded):
        runtime.progress.log(f"  {'reused' if record.cached else 'done':<8} {record.step}  {record.seconds:.1f} s")
