"""One execution of a pipeline, as boto3 tells of it. The SDK's own waiting ends after 30 minutes and ignores a stop."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import GO_ON, error_text, told
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.aws.polling import is_missing, looks, sent
from llmops_plugins.sagemaker.pipeline.compile import StepGraph
from llmops_sdk.plugin import EndpointError, Progress, Run, RunNotFoundError, UserError

RUNNING = frozenset({"Executing", "Stopping"})
SUCCEEDED, FAILED, STOPPED = "Succeeded", "Failed", "Stopped"
_ENDED_STEPS = frozenset({"Succeeded", "Failed", "Stopped"})
_LOG = logging.getLogger("llmops.sagemaker")


@attrs.frozen
class NodeState:
    """How far a node is.

    Attributes:
        status: SageMaker's word: Starting, Executing, Succeeded, Failed, Stopping, Stopped.
        reason: Why it failed.
        job: The ARN of its training job, or empty.
    """

    status: str
    reason: str = ""
    job: str = ""


class Execution:
    """The execution of a run, whose id it has. Making one asks nobody.

    Args:
        aws: The account.
        graph: The pipeline's graph.
        run: The run.
    """

    def __init__(self, aws: Aws, graph: StepGraph, run: Run) -> None:
        self._client = aws.client("sagemaker")
        self._graph = graph
        self._run = run
        self._doing = f"execution {run.id!r} of pipeline {graph.pipeline!r}"

    @property
    def arn(self) -> str:
        """Its ARN."""
        with going_on(self._run.id, self._run.store.uri), told(self._doing):
            return self._arn

    @cached_property
    def _arn(self) -> str:
        name = self._graph.pipeline
        try:
            pipeline = self._client.describe_pipeline(PipelineName=name)["PipelineArn"]
        except ClientError as exc:
            if not is_missing(exc):
                raise
            message = f"there is no pipeline {name!r} in this account and region"
            raise RunNotFoundError(message) from exc
        return f"{pipeline}/execution/{self._run.id}"

    def describe(self) -> Mapping[str, Any]:
        """Return what SageMaker tells of it.

        Raises:
            RunNotFoundError: There is none.
        """
        return sent(self._describe, self._doing, _LOG)

    def _describe(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._client.describe_pipeline_execution(PipelineExecutionArn=self._arn)
        except ClientError as exc:
            if not is_missing(exc):
                raise
            message = f"SageMaker knows no {self._doing}"
            raise RunNotFoundError(message) from exc
        return found

    @property
    def status(self) -> str:
        """Its status now."""
        return str(self.describe()["PipelineExecutionStatus"])

    def nodes(self) -> Mapping[str, NodeState]:
        """Return the nodes that SageMaker has come to, by name."""
        pages = self._client.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=self._arn)
        return {
            step["StepName"]: NodeState(
                step["StepStatus"],
                " ".join(str(step.get("FailureReason", "")).split()),
                step.get("Metadata", {}).get("TrainingJob", {}).get("Arn", ""),
            )
            for page in pages
            for step in page["PipelineExecutionSteps"]
        }

    def watch(
        self, progress: Progress, seconds: float, changed: Callable[[], None]
    ) -> tuple[str, Mapping[str, NodeState]]:
        """Look at it until it has ended, telling how its nodes come along; return how it ended, and its nodes.

        Args:
            progress: Who is told.
            seconds: Between two looks.
            changed: Called when a node has come further.

        Raises:
            UserError: AWS can be asked no longer; the execution goes on, and the message says how to come back to it.
            EndpointError: The same.
        """
        told_states: dict[str, str] = {}
        with progress.task("steps", len(self._graph.nodes), "steps") as task:
            for status, nodes in self._looks(seconds):
                before = dict(told_states)
                for name, state in nodes.items():
                    if told_states.get(name) != state.status:
                        told_states[name] = state.status
                        progress.log(f"  {state.status.lower():<9} {name}{f': {state.reason}' if state.reason else ''}")
                if before != told_states:
                    changed()
                task.update(sum(state.status in _ENDED_STEPS for state in nodes.values()), execution=status)
                if status not in RUNNING:
                    return status, nodes
        raise AssertionError  # `looks` never ends by itself

    def _looks(self, seconds: float) -> Iterator[tuple[str, Mapping[str, NodeState]]]:
        with going_on(self._run.id, self._run.store.uri):
            yield from looks(self._look, self._doing, seconds, _LOG)

    def _look(self) -> tuple[str, Mapping[str, NodeState]]:
        # The status first: when it says that the end has come, the nodes are as they ended.
        status = str(self._describe()["PipelineExecutionStatus"])
        return status, self.nodes()

    def stop(self, progress: Progress, *, seconds: float, deadline: float) -> bool:
        """Stop it, and wait until its jobs have ended; return whether they have, within the deadline (seconds)."""
        with held_interrupt(), going_on(self._run.id, self._run.store.uri), told(self._doing):
            try:
                self._client.stop_pipeline_execution(PipelineExecutionArn=self._arn)
            except ClientError as exc:
                if self._describe()["PipelineExecutionStatus"] in RUNNING:
                    raise
                _LOG.info("%s had ended: %s", self._doing, error_text(exc))
        until = time.monotonic() + deadline
        with progress.task("stopping the execution"):
            for found in looks(self._describe, self._doing, seconds, _LOG):
                if found["PipelineExecutionStatus"] not in RUNNING:
                    return True
                if time.monotonic() > until:
                    return False
        raise AssertionError


@contextmanager
def going_on(run_id: str, store: str = "") -> Iterator[None]:
    """Say how to come back, where AWS can be asked no longer: an execution does not end with this program.

    Args:
        run_id: The run, which has the execution's id.
        store: The URI of its store, where it is known.

    Raises:
        UserError: As the block, with the way back.
        EndpointError: The same.
    """
    try:
        yield
    except RunNotFoundError:  # there is none
        raise
    except (UserError, EndpointError) as exc:
        back = f"llmops attach {run_id}" + (f" --store {shlex.quote(store)}" if store else "")
        message = f"{str(exc).removesuffix(GO_ON)}; the execution goes on in SageMaker: come back with: {back}"
        raise type(exc)(message) from exc
