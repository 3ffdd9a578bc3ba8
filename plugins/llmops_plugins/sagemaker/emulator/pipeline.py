"""Emulated executions of pipelines: expressions are resolved, and the steps run in their order."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import attrs
from moto.sagemaker.exceptions import ValidationError

from llmops_plugins.sagemaker.emulator.container import EmulatedContainer, Machine


@attrs.define
class StepState:
    """The state of a step, as `list_pipeline_execution_steps` reports it."""

    name: str
    job: str = ""
    status: str = "Starting"
    reason: str = ""

    def json(self, arn_prefix: str) -> dict[str, Any]:
        """Return it as boto3 reports it."""
        job = {"Metadata": {"TrainingJob": {"Arn": f"{arn_prefix}:training-job/{self.job}"}}} if self.job else {}
        return {"StepName": self.name, "StepStatus": self.status, "FailureReason": self.reason, **job}


@attrs.define
class EmulatedExecution:
    """One execution.

    Attributes:
        execution: moto's object, whose status is set here.
        folder: Holds the folders of its containers.
        machine: What the containers share.
        s3: A boto3 client.
        steps_at_a_time: Number of steps that run at the same time.
    """

    execution: Any
    folder: Path
    machine: Machine
    s3: Any
    steps_at_a_time: int
    steps: dict[str, StepState] = attrs.field(factory=dict)
    _definition: Mapping[str, Any] = attrs.field(init=False)
    _containers: dict[str, EmulatedContainer] = attrs.field(factory=dict)
    _is_stopping: bool = False
    _lock: Any = attrs.field(factory=threading.RLock)

    def __attrs_post_init__(self) -> None:
        definition = self.execution.pipeline_definition_for_execution
        self._definition = json.loads(definition) if isinstance(definition, str) else definition
        self.execution.pipeline_execution_status = "Executing"

    @property
    def status(self) -> str:
        """The status, in SageMaker's words."""
        return str(self.execution.pipeline_execution_status)

    def run(self) -> None:
        """Run all steps to their end."""
        waiting = {step["Name"]: step for step in self._definition["Steps"]}
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(self.steps_at_a_time) as pool:
            while True:
                for name in [name for name, step in waiting.items() if self._is_ready(step)]:
                    with self._lock:
                        self.steps[name] = StepState(name)
                    running[pool.submit(self._run_step, waiting.pop(name))] = name
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name, error = running.pop(future), future.exception()
                    if error is not None:
                        self.steps[name].status, self.steps[name].reason = "Failed", f"{type(error).__name__}: {error}"
        with self._lock:
            failed = any(state.status == "Failed" for state in self.steps.values())
            status = "Stopped" if self._is_stopping else "Failed" if failed else "Succeeded"
            self.execution.pipeline_execution_status = status

    def stop(self) -> None:
        """Stop running containers, and start no further step; returns at once.

        Raises:
            ValidationError: It has ended.
        """
        with self._lock:
            if self.status != "Executing":
                raise ValidationError(message=f"Pipeline execution cannot be stopped in the status {self.status}")
            self._is_stopping, self.execution.pipeline_execution_status = True, "Stopping"
            for name, container in self._containers.items():
                if self.steps[name].status == "Executing":
                    self.steps[name].status = "Stopping"
                    container.stop()

    # -------------------------------------------------------------------------------------------

    def _is_ready(self, step: Mapping[str, Any]) -> bool:
        if self._is_stopping:
            return False
        states = [self.steps.get(need) for need in step.get("DependsOn", ())]
        return all(state is not None and state.status == "Succeeded" for state in states)

    def _run_step(self, step: Mapping[str, Any]) -> None:
        name = step["Name"]
        job = f"pipelines-{self.execution.arn.rpartition('/')[2]}-{name[:30].strip('-')}-{secrets.token_hex(5)}"
        container = EmulatedContainer(self.folder / name, self.resolve(step["Arguments"]), job, self.machine)
        state = self.steps[name]
        with self._lock:
            if self._is_stopping:
                state.status = "Stopped"
                return
            self._containers[name] = container
            state.job, state.status = job, "Executing"
        reason = container.run(self.s3)
        with self._lock:
            if state.status == "Stopping":
                state.status = "Stopped"
            else:
                state.status, state.reason = "Failed" if reason else "Succeeded", reason[:1024]

    def resolve(self, value: Any) -> Any:
        """Return a part of the definition with its expressions replaced by their values.

        Raises:
            NotImplementedError: An expression that our pipelines do not use.
        """
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Get"}:
            return self._get(value["Get"])
        if set(value) == {"Std:Join"}:
            join = value["Std:Join"]
            return join["On"].join(str(self.resolve(item)) for item in join["Values"])
        return {name: self.resolve(item) for name, item in value.items()}

    def _get(self, path: str) -> str:
        pipeline, _, execution_id = self.execution.arn.partition("/execution/")
        parameters = {item["Name"]: item["DefaultValue"] for item in self._definition.get("Parameters", ())}
        values = {
            "Execution.PipelineExecutionId": execution_id,
            "Execution.PipelineName": pipeline.rpartition("/")[2],
            **{f"Parameters.{name}": value for name, value in parameters.items()},
        }
        if path not in values:
            message = f"the rehearsal does not support the expression {path!r}"
            raise NotImplementedError(message)
        return str(values[path])
