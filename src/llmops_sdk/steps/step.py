"""`run_step`: run one step of a run, and leave a record whatever happens."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from llmops_sdk.errors import EndpointError, UserError
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, LogLines, describe_failure, prints_to, raised_by_signal_handler
from llmops_sdk.record.run import Run
from llmops_sdk.steps.compare import compare, look
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.steps.generate import generate, prepared_cells
from llmops_sdk.steps.heartbeat import HEARTBEAT
from llmops_sdk.steps.prepare import prepare
from llmops_sdk.steps.reason import find_reason
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.steps.score import score
from llmops_sdk.steps.train import train
from llmops_sdk.values.plan import (
    CompareStep,
    GenerateStep,
    LookStep,
    PrepareStep,
    ScoreStep,
    Step,
    TrainStep,
    step_kind,
)
from llmops_sdk.values.step_records import Failed, StepRecord, Succeeded


def run_step(run: Run, name: str, runtime: Runtime) -> StepRecord:
    """Run one step and record how it ended; a step that is done already is not run again.

    A failure is recorded and returned, not raised: the steps that need this one record that it failed earlier.

    Raises:
        KeyboardInterrupt: The user stopped it; the step has no record and will be run again.
    """
    record = run.record(name)
    if record is None:
        record = _run(run, run.plan.step_by_name[name], runtime)
        run.write_record(record)
    return record


def _run(run: Run, step: Step, runtime: Runtime) -> StepRecord:
    name, started_at = step.name, time.time()
    earlier = _failed_earlier(run, step)
    if earlier is not None and not isinstance(step, (PrepareStep, LookStep, CompareStep)):
        own = earlier.cause == earlier.step
        error = f"step {earlier.cause!r} failed earlier: {earlier.error}" if own else earlier.error
        return Failed(name, error, "", earlier.cause, started_at, 0.0)
    log = step_log(run, name)
    execution = StepExecution(run, name, runtime, log, started_at)
    try:
        with closing(LogLines(log)) as lines, prints_to(lines):
            output = _KINDS[type(step)](execution, step)
    except (UserError, EndpointError) as exc:
        log.error("%s", exc)  # noqa: TRY400 - the user's mistake needs no traceback
        return Failed(name, _one_line(exc), "", name, started_at, time.time() - started_at)
    except PLUGIN_FAILURES as exc:
        if raised_by_signal_handler(exc):
            raise
        log.exception("step %r failed", name)
        error = f"{describe_failure(exc)}; see: llmops logs {run.id} {name}"
        return Failed(name, error, traceback.format_exc(), name, started_at, time.time() - started_at)
    finally:
        HEARTBEAT.stop(run, name)
    return Succeeded(
        step=name,
        artifacts=output.artifacts,
        cached=output.cached,
        at=started_at,
        seconds=time.time() - started_at,
        pending=output.pending,
        inputs=output.inputs,
        reason=find_reason(run, name, output),
    )


def _failed_earlier(run: Run, step: Step) -> Failed | None:
    """Return the earlier failure because of which a step cannot run.

    A `generate` step asks about those of its datasets that are there; a cell of another one fails at its `score` step.
    """
    needs = [*step.needs]
    if isinstance(step, ScoreStep):
        needs.insert(0, f"prepare.{run.plan.cell_by_name[step.cell].dataset}")
    failed = [record for need in needs if isinstance(record := run.record(need), Failed)]
    if isinstance(step, GenerateStep) and all(step_kind(record.step) == "prepare" for record in failed):
        return None if prepared_cells(run, step) else failed[0]
    return failed[0] if failed else None


def step_log(run: Run, step: str) -> logging.Logger:
    """Return a logger whose lines go to the log of that name in the run's record."""
    log = logging.Logger(f"llmops.{step}")  # noqa: LOG001 - not a global one: there may be thousands of steps
    handler = _RunHandler(run, step)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    return log


class _RunHandler(logging.Handler):
    """Writes log lines into the run's record."""

    def __init__(self, run: Run, step: str) -> None:
        super().__init__()
        self._run = run
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        # A line that the store does not take must not keep a resource from being deleted; the next record fails too.
        with contextlib.suppress(UserError, OSError):
            self._run.append_log(self._step, f"{self.format(record)}\n")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_KINDS: Mapping[type, Callable[[StepExecution, Any], StepOutput]] = {
    PrepareStep: prepare,
    TrainStep: train,
    GenerateStep: generate,
    ScoreStep: score,
    LookStep: look,
    CompareStep: compare,
}
