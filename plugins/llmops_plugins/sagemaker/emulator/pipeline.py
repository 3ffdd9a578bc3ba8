"""Executions of rehearsed pipelines: the definition's expressions resolved, its steps run in their order, states told."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.emulator.container import Container, Machine


class RefusedError(Exception):
    """What SageMaker would refuse, in its words."""


@attrs.define
class StepState:
    """How far a step is, as `list_pipeline_execution_steps` tells it."""

    name: str
    job: str = ""
    status: str = "Starting"
    reason: str = ""
    began: datetime = attrs.field(factory=lambda: datetime.now(timezone.utc))
    ended: datetime | None = None

    def json(self, arn_of: Callable[[str], str]) -> dict[str, Any]:
        """Return it as boto3 tells it."""
        return {
            "StepName": self.name,
            "StepStatus": self.status,
            "StartTime": self.began,
            "AttemptCount": 1,
            **({"EndTime": self.ended} if self.ended else {}),
            **({"FailureReason": self.reason} if self.reason else {}),
            **({"Metadata": {"TrainingJob": {"Arn": arn_of(self.job)}}} if self.job else {}),
        }

    def end(self, status: str, reason: str = "") -> None:
        """Note how it ended."""
        self.ended, self.status, self.reason = datetime.now(timezone.utc), status, reason


@attrs.define
class PlayedExecution:
    """One execution.

    Attributes:
        arn: Its ARN.
        definition: The pipeline's, as JSON.
        parameters: What was said at the start.
        folder: Where its containers live.
        machine: What they share.
        s3: A boto3 client.
        at_a_time: Steps side by side.
    """

    arn: str
    definition: Mapping[str, Any]
    parameters: Mapping[str, str]
    folder: Path
    machine: Machine
    s3: Any
    at_a_time: int
    status: str = "Executing"
    reason: str = ""
    steps: dict[str, StepState] = attrs.field(factory=dict)
    _requests: dict[str, Mapping[str, Any]] = attrs.field(factory=dict)
    _containers: dict[str, Container] = attrs.field(factory=dict)
    _stopping: bool = False
    _lock: Any = attrs.field(factory=threading.RLock)

    def check(self) -> None:
        """Refuse what SageMaker refuses at the start.

        Raises:
            RefusedError: A parameter that is not declared, or one without a value.
        """
        declared = {item["Name"]: item for item in self.definition.get("Parameters", ())}
        unknown = set(self.parameters) - set(declared)
        if unknown:
            message = f"The following parameters are not defined in the pipeline: {sorted(unknown)}"
            raise RefusedError(message)
        without = [
            name for name, item in declared.items() if name not in self.parameters and "DefaultValue" not in item
        ]
        if without:
            message = f"Parameters {without} do not have a default value and must be given"
            raise RefusedError(message)

    def start(self) -> None:
        """Run it beside the caller."""
        threading.Thread(target=self._run, name="llmops-rehearsal", daemon=True).start()

    def stop(self) -> None:
        """Stop it: running containers are asked to end, and no step is started any more."""
        with self._lock:
            if self.status != "Executing":
                message = f"Pipeline execution cannot be stopped in the status {self.status}"
                raise RefusedError(message)
            self._stopping, self.status = True, "Stopping"
            for name, container in self._containers.items():
                if self.steps[name].status in ("Starting", "Executing"):
                    self.steps[name].status = "Stopping"
                    container.stop()

    # -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        waiting = {step["Name"]: step for step in self.definition["Steps"]}
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self.at_a_time) as pool:
            while True:
                for name in [name for name, step in waiting.items() if self._is_ready(step)]:
                    step = waiting.pop(name)
                    with self._lock:
                        self.steps[name] = StepState(name)
                    running[pool.submit(self._step, step)] = name
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    error = future.exception()
                    if error is not None:
                        self.steps[name].end("Failed", f"{type(error).__name__}: {error}")
        with self._lock:
            failed = [state.name for state in self.steps.values() if state.status == "Failed"]
            self.status = "Stopped" if self._stopping else "Failed" if failed else "Succeeded"
            if failed:
                self.reason = f"Step failure: One or multiple steps failed: {', '.join(failed)}"

    def _is_ready(self, step: Mapping[str, Any]) -> bool:
        if self._stopping:
            return False
        states = [self.steps.get(need) for need in step.get("DependsOn", ())]
        return all(state is not None and state.status == "Succeeded" for state in states)

    def _step(self, step: Mapping[str, Any]) -> None:
        name = step["Name"]
        state = self.steps[name]
        if step["Type"] != "Training":
            state.end("Failed", f"the rehearsal plays training steps, and not those of type {step['Type']!r}")
            return
        request = self.resolve(step["Arguments"])
        job = f"pipelines-{self.arn.rpartition('/')[2]}-{name[:30].strip('-')}-{secrets.token_hex(5)}"
        container = Container(self.folder / name, request, job, self.machine)
        with self._lock:
            if self._stopping:
                state.end("Stopped")
                return
            self._requests[name], self._containers[name] = request, container
            state.job, state.status = job, "Executing"
        reason = container.run(self.s3)
        with self._lock:
            if state.status == "Stopping":
                state.end("Stopped")
            elif reason:
                state.end("Failed", reason[:1024])
            else:
                state.end("Succeeded")

    # -- expressions ----------------------------------------------------------------------------

    def resolve(self, found: Any) -> Any:
        """Return a part of the definition with its expressions replaced by what they stand for here."""
        if isinstance(found, list):
            return [self.resolve(item) for item in found]
        if not isinstance(found, dict):
            return found
        if set(found) == {"Get"}:
            return self._get(found["Get"])
        if set(found) == {"Std:Join"}:
            joined = self.resolve(found["Std:Join"])
            return joined["On"].join(str(value) for value in joined["Values"])
        if set(found) == {"Std:JsonGet"}:
            return self._json_get(self.resolve(found["Std:JsonGet"]))
        return {name: self.resolve(value) for name, value in found.items()}

    def _get(self, path: str) -> Any:
        kind, _, rest = path.partition(".")
        if kind == "Parameters":
            declared = {item["Name"]: item for item in self.definition.get("Parameters", ())}
            return self.parameters.get(rest, declared[rest].get("DefaultValue"))
        if kind == "Execution":
            return self._execution_variables()[rest]
        step, _, inside = rest.partition(".")
        value: Any = self._requests[step]
        for key in inside.split("."):
            value = value[key]
        return value

    def _execution_variables(self) -> Mapping[str, str]:
        pipeline, _, execution = self.arn.partition("/execution/")
        now = datetime.now(timezone.utc).isoformat()
        return {
            "PipelineExecutionId": execution,
            "PipelineExecutionArn": self.arn,
            "PipelineArn": pipeline,
            "PipelineName": pipeline.rpartition("/")[2],
            "StartDateTime": now,
            "CurrentDateTime": now,
        }

    def _json_get(self, asked: Mapping[str, str]) -> Any:
        parts = urlsplit(asked["S3Uri"])
        value: Any = json.loads(self.s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read())
        for key, index in _keys(asked["Path"]):
            value = value[int(index)] if index else value[key]
        return value


def _keys(path: str) -> Iterator[tuple[str, str]]:
    """Yield the keys and indices of a path such as `Result['a'][0]`."""
    for found in re.finditer(r"\['([^']*)'\]|\[(\d+)\]|(\w+)", path):
        yield found[1] or found[3] or "", found[2] or ""
