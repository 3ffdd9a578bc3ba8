"""Pipeline executions on moto: they run until the test runs their nodes in this process, or stops them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import moto.sagemaker.models
import moto.sagemaker.responses
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError

from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.pipeline.steps import open_plan, run_node
from llmops_sdk import Plan, StepFailedError

if TYPE_CHECKING:
    import pytest

ACCOUNT = "123456789012"


@attrs.define
class Executions:
    """The executions of an account.

    Attributes:
        region: The region.
        nodes: The status of each started node, by the ID of the execution.
        reasons: The reason of failed nodes that have none of their own, by name.
    """

    region: str
    nodes: dict[str, dict[str, str]] = attrs.field(factory=dict)
    reasons: dict[str, str] = attrs.field(factory=dict)

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each execution, by its ID, oldest first."""
        return {
            arn.rpartition("/")[2]: moto_execution.pipeline_execution_status
            for arn, moto_execution in self._executions().items()
        }

    def run(self, run_id: str, plan_uri: str) -> str:
        """Run the nodes of an execution as its containers do, and return how it ended."""
        _, plan = open_plan(plan_uri)
        with _signals_kept():
            for node in graph_of(plan).nodes:
                self.nodes[run_id][node.name] = self._run_node(plan_uri, run_id, node.name)
        failed = "Failed" in self.nodes[run_id].values()
        return self.end(run_id, "Failed" if failed else "Succeeded")

    def _run_node(self, plan_uri: str, run_id: str, node: str) -> str:
        try:
            run_node(plan_uri, run_id, node)
        except StepFailedError:
            return "Failed"
        return "Succeeded"

    def end(self, run_id: str, status: str) -> str:
        """Set how an execution ended."""
        for arn, moto_execution in self._executions().items():
            if arn.endswith(f"/{run_id}"):
                moto_execution.pipeline_execution_status = status
        return status

    def _executions(self) -> dict[str, Any]:
        pipelines = moto.sagemaker.models.sagemaker_backends[ACCOUNT][self.region].pipelines
        return {
            arn: moto_execution
            for each in pipelines.values()
            for arn, moto_execution in each.pipeline_executions.items()
        }


def plan_uri(plan: Plan, store: str) -> str:
    """Return the URI of a plan in a store."""
    return f"{store}/plans/{plan.hash}/plan.json"


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Restore the handlers of signals, which a container changes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def put_executions(region: str, monkeypatch: pytest.MonkeyPatch) -> Executions:
    """Let the executions of moto take time and be stoppable."""
    executions, responses = Executions(region), moto.sagemaker.responses.SageMakerResponse
    start = responses.start_pipeline_execution

    def execution(self: Any) -> Any:
        arn = json.loads(self.body)["PipelineExecutionArn"]
        if arn not in executions._executions():
            raise ValidationError(message=f"Pipeline execution with ARN {arn} does not exist")
        return executions._executions()[arn]

    def start_pipeline_execution(self: Any) -> Any:
        answer: Any = start(self)
        arn = answer.result["PipelineExecutionArn"]
        executions._executions()[arn].pipeline_execution_status = "Executing"
        executions.nodes[arn.rpartition("/")[2]] = {}
        return answer

    def list_pipeline_execution_steps(self: Any) -> Any:
        nodes = executions.nodes[execution(self).arn.rpartition("/")[2]]
        steps = [
            {"StepName": name, "StepStatus": status, "FailureReason": executions.reasons.get(name, "")}
            for name, status in nodes.items()
        ]
        return ActionResult({"PipelineExecutionSteps": steps})

    def stop_pipeline_execution(self: Any) -> Any:
        stopped = execution(self)
        if stopped.pipeline_execution_status != "Executing":
            raise ValidationError(message=f"an execution that is {stopped.pipeline_execution_status} cannot be stopped")
        stopped.pipeline_execution_status = "Stopped"
        return ActionResult({"PipelineExecutionArn": stopped.arn})

    for handler in (start_pipeline_execution, list_pipeline_execution_steps, stop_pipeline_execution):
        monkeypatch.setattr(responses, handler.__name__, handler, raising=False)
    return executions
