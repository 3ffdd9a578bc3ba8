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
        region: Where.
        nodes: Of each execution, by its id: the status of each node that has begun.
        reasons: Of nodes that have failed without a word of their own, by their names.
    """

    region: str
    nodes: dict[str, dict[str, str]] = attrs.field(factory=dict)
    reasons: dict[str, str] = attrs.field(factory=dict)

    @property
    def statuses(self) -> dict[str, str]:
        """Of each execution, by its id, in the order in which they were begun."""
        return {arn.rpartition("/")[2]: found.pipeline_execution_status for arn, found in self._found().items()}

    def play(self, run_id: str, plan_uri: str) -> str:
        """Run the nodes of an execution as its containers would, and return how it ended."""
        _, plan = open_plan(plan_uri)
        with _signals_kept():
            for node in graph_of(plan).nodes:
                self.nodes[run_id][node.name] = self._play_one(plan_uri, run_id, node.name)
        failed = "Failed" in self.nodes[run_id].values()
        return self.end(run_id, "Failed" if failed else "Succeeded")

    def _play_one(self, plan_uri: str, run_id: str, node: str) -> str:
        try:
            run_node(plan_uri, run_id, node)
        except StepFailedError:
            return "Failed"
        return "Succeeded"

    def end(self, run_id: str, status: str) -> str:
        """Let an execution have ended so."""
        for arn, found in self._found().items():
            if arn.endswith(f"/{run_id}"):
                found.pipeline_execution_status = status
        return status

    def _found(self) -> dict[str, Any]:
        pipelines = moto.sagemaker.models.sagemaker_backends[ACCOUNT][self.region].pipelines
        return {arn: found for each in pipelines.values() for arn, found in each.pipeline_executions.items()}


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
    made, responses = Executions(region), moto.sagemaker.responses.SageMakerResponse
    begin = responses.start_pipeline_execution

    def execution(self: Any) -> Any:
        arn = json.loads(self.body)["PipelineExecutionArn"]
        if arn not in made._found():
            raise ValidationError(message=f"Pipeline execution with ARN {arn} does not exist")
        return made._found()[arn]

    def start_pipeline_execution(self: Any) -> Any:
        found: Any = begin(self)
        arn = found.result["PipelineExecutionArn"]
        made._found()[arn].pipeline_execution_status = "Executing"
        made.nodes[arn.rpartition("/")[2]] = {}
        return found

    def list_pipeline_execution_steps(self: Any) -> Any:
        nodes = made.nodes[execution(self).arn.rpartition("/")[2]]
        steps = [
            {"StepName": name, "StepStatus": status, "FailureReason": made.reasons.get(name, "")}
            for name, status in nodes.items()
        ]
        return ActionResult({"PipelineExecutionSteps": steps})

    def stop_pipeline_execution(self: Any) -> Any:
        found = execution(self)
        if found.pipeline_execution_status != "Executing":
            raise ValidationError(message=f"an execution that is {found.pipeline_execution_status} cannot be stopped")
        found.pipeline_execution_status = "Stopped"
        return ActionResult({"PipelineExecutionArn": found.arn})

    for handler in (start_pipeline_execution, list_pipeline_execution_steps, stop_pipeline_execution):
        monkeypatch.setattr(responses, handler.__name__, handler, raising=False)
    return made
