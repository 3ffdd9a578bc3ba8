"""Emulated executions: expressions, order, and stopping."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("moto")

from moto.sagemaker.exceptions import ValidationError

from llmops_plugins.sagemaker.emulator.container import Machine
from llmops_plugins.sagemaker.emulator.pipeline import EmulatedExecution

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
PARAMETERS = [{"Name": "Instance", "Type": "String", "DefaultValue": "ml.m5.large"}]


def execution(folder: Path, *, steps_at_a_time: int = 1, **definition: Any) -> EmulatedExecution:
    """Return an execution of a definition that has no steps by default."""
    moto_execution = SimpleNamespace(
        arn=ARN, pipeline_definition_for_execution={"Parameters": PARAMETERS, "Steps": [], **definition}
    )
    machine = Machine("python", "http://127.0.0.1:1", "eu-west-1", install=False, config=Path("c"))
    return EmulatedExecution(moto_execution, folder, machine, None, steps_at_a_time)


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Training", "Arguments": {}, **fields}


def test_expressions_are_resolved(tmp_path: Path) -> None:
    """Our definitions have parameters with defaults, variables of the execution, and joins."""
    value = {
        "instance": {"Get": "Parameters.Instance"},
        "joined": {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Execution.PipelineExecutionId"}, 3]}},
        "list": [{"Get": "Execution.PipelineName"}, {"plain": 1}],
    }

    expected = {"instance": "ml.m5.large", "joined": "a/abcdefghijkl/3", "list": ["p", {"plain": 1}]}
    assert expected == execution(tmp_path).resolve(value)


def test_an_unknown_expression_fails_its_step(tmp_path: Path) -> None:
    """The reason names it, and steps that depend on it are not started."""
    steps = [step("a", Arguments={"x": {"Get": "Steps.z.Output"}}), step("b", DependsOn=["a"])]
    emulated = execution(tmp_path, Steps=steps)
    emulated.run()

    assert ("Failed", ["a"]) == (emulated.status, list(emulated.steps))
    assert "does not support the expression 'Steps.z.Output'" in emulated.steps["a"].reason


def test_an_ended_execution_cannot_be_stopped(tmp_path: Path) -> None:
    """SageMaker refuses it too."""
    emulated = execution(tmp_path)
    emulated.run()

    assert "Succeeded" == emulated.status
    with pytest.raises(ValidationError, match="cannot be stopped in the status Succeeded"):
        emulated.stop()


@pytest.mark.parametrize("limit", [1, 2])
def test_the_number_of_parallel_steps_is_limited(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many steps as allowed run at the same time, and no more."""
    running: set[str] = set()
    seen: list[int] = []
    together = threading.Barrier(limit)

    def run_step(_self: EmulatedExecution, step: Mapping[str, Any]) -> None:
        running.add(step["Name"])
        together.wait(20)
        seen.append(len(running))
        together.wait(20)
        running.discard(step["Name"])

    monkeypatch.setattr(EmulatedExecution, "_run_step", run_step)
    steps = [step(f"step-{number}") for number in range(2 * limit)]
    execution(tmp_path, steps_at_a_time=limit, Steps=steps).run()

    assert (2 * limit, limit) == (len(seen), max(seen))
