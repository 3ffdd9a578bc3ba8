"""One execution of a pipeline, watched with boto3. The SDK's own wait function ends after 30 minutes and ignores a stop."""

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
from llmops_plugins.sagemaker.aws.polling import is_missing, poll, send
from llmops_plugins.sagemaker.errors import THEN_RESUME, error_text, translated_errors
from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.pipeline.graph import StepGraph
from llmops_sdk.plugin import EndpointError, Failed, Progress, Run, RunNotFoundError, UserError

RUNNING = frozenset({"Executing", "Stopping"})
SUCCEEDED, FAILED, STOPPED = "Succeeded", "Failed", "Stopped"
_ENDED_STEPS = frozenset({"Succeeded", "Failed", "Stopped"})
_LOG = logging.getLogger("llmops.sagemaker")


@attrs.frozen
class NodeState:
    """The state of a node.

    Attributes:
        status: Starting, Executing, Succeeded, Failed, Stopping or Stopped.
        reason: The reason of a failure.
        job: The ARN of its training job, or empty.
    """

    status: str
    reason: str = ""
    job: str = ""


class Execution:
    """The execution of a run, which has the same ID. Creating the object sends no request.

    Args:
        aws: The account.
        graph: The graph of the pipeline.
        run: The run.
    """

    def __init__(self, aws: Aws, graph: StepGraph, run: Run) -> None:
        self._client = aws.client("sagemaker")
        self._graph = graph
        self._run = run
        self._subject = f"execution {run.id!r} of pipeline {graph.pipeline!r}"

    @property
    def arn(self) -> str:
        """The ARN."""
        with with_attach_hint(self._run.id, self._run.store.uri), translated_errors(self._subject):
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
        """Return SageMaker's description of it.

        Raises:
            RunNotFoundError: There is no such execution.
        """
        return send(self._describe, self._subject, _LOG)

    def _describe(self) -> Mapping[str, Any]:
        try:
            description: Mapping[str, Any] = self._client.describe_pipeline_execution(PipelineExecutionArn=self._arn)
        except ClientError as exc:
            if not is_missing(exc):
                raise
            message = f"SageMaker knows no {self._subject}"
            raise RunNotFoundError(message) from exc
        return description

    @property
    def status(self) -> str:
        """The current status."""
        return str(self.describe()["PipelineExecutionStatus"])

    def nodes(self) -> Mapping[str, NodeState]:
        """Return the nodes that SageMaker has started, by name."""
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
        """Wait for the end, logging the states of the nodes; return the last status and the nodes.

        A node whose steps failed according to the record is logged as failed, although SageMaker reports that it succeeded.

        Args:
            progress: Logs the states.
            seconds: Time between two requests.
            changed: Called after the state of a node has changed.

        Raises:
            UserError: AWS can no longer be asked. The execution continues; the message has the command to reconnect.
            EndpointError: The same.
        """
        logged: dict[str, str] = {}
        with progress.task("steps", len(self._graph.nodes), "steps") as task:
            for status, nodes in self._poll(seconds):
                before = dict(logged)
                for name, state in nodes.items():
                    if logged.get(name) != state.status:
                        logged[name] = state.status
                        progress.log(self._line(name, state))
                if before != logged:
                    changed()
                task.update(sum(state.status in _ENDED_STEPS for state in nodes.values()), execution=status)
                if status not in RUNNING:
                    return status, nodes
        raise AssertionError  # `poll` never ends

    def _line(self, name: str, state: NodeState) -> str:
        """Return the line about a state. A node with a failed step succeeds for SageMaker, to let the others continue."""
        status, reason = state.status, state.reason
        if status == SUCCEEDED:
            with with_attach_hint(self._run.id, self._run.store.uri):
                steps = next((node.steps for node in self._graph.nodes if node.name == name), ())
                records = [self._run.record(step) for step in steps]
            errors = [record.error for record in records if isinstance(record, Failed)]
            if errors:
                status = FAILED
                reason = errors[0] if len(steps) == 1 else f"{len(errors)} of {len(steps)} steps: {errors[0]}"
        return f"  {status.lower():<9} {name}{f': {reason}' if reason else ''}"

    def _poll(self, seconds: float) -> Iterator[tuple[str, Mapping[str, NodeState]]]:
        with with_attach_hint(self._run.id, self._run.store.uri):
            yield from poll(self._ask, self._subject, seconds, _LOG)

    def _ask(self) -> tuple[str, Mapping[str, NodeState]]:
        # The status first: once it is final, so are the nodes.
        status = str(self._describe()["PipelineExecutionStatus"])
        return status, self.nodes()

    def stop(self, progress: Progress, *, seconds: float, deadline: float) -> bool:
        """Stop it and wait for its jobs; return whether they ended within the deadline (seconds)."""
        hint = with_attach_hint(self._run.id, self._run.store.uri)
        with delayed_interrupt(), hint, translated_errors(self._subject):
            try:
                self._client.stop_pipeline_execution(PipelineExecutionArn=self._arn)
            except ClientError as exc:
                if self._describe()["PipelineExecutionStatus"] in RUNNING:
                    raise
                _LOG.info("%s had already ended: %s", self._subject, error_text(exc))
        until = time.monotonic() + deadline
        with progress.task("stopping the execution"):
            for description in poll(self._describe, self._subject, seconds, _LOG):
                if description["PipelineExecutionStatus"] not in RUNNING:
                    return True
                if time.monotonic() > until:
                    return False
        raise AssertionError


@contextmanager
def with_attach_hint(run_id: str, store: str = "") -> Iterator[None]:
    """Add to the errors of the block how to reconnect: the execution continues without this program.

    Args:
        run_id: The run, which has the ID of the execution.
        store: The URI of its store, if known.

    Raises:
        UserError: As the block, with the hint.
        EndpointError: The same.
    """
    try:
        yield
    except RunNotFoundError:  # there is nothing to attach to
        raise
    except (UserError, EndpointError) as exc:
        command = f"llmops attach {run_id}" + (f" --store {shlex.quote(store)}" if store else "")
        message = (
            f"{str(exc).removesuffix(THEN_RESUME)}; the execution continues in SageMaker; reconnect with: {command}"
        )
        raise type(exc)(message) from exc
