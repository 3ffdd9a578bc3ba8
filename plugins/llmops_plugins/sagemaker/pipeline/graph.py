"""The graph of a SageMaker pipeline, made from a plan without asking anybody; `llmops compile` prints it.

A node is one `@step`, for which SageMaker starts one instance. There are few nodes, each with much work: one for each
fine-tuning, one for each deployed model (deploy it, ask every cell that shares it, tear it down), one that scores these
cells, and one for the comparison. The client prepares the datasets before. The record still has every step of the plan.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_plugins.sagemaker.pipeline.checks import graph_notes
from llmops_plugins.sagemaker.pipeline.nodes import Node, parameter, pipeline_name, plan_nodes
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Plan, from_json


@attrs.frozen
class Parameter:
    """A text that can be chosen when the pipeline is started.

    Attributes:
        name: The name, as the console shows it.
        default: The default.
    """

    name: str
    default: str


@attrs.frozen
class Retry:
    """When a node is retried. A failed step of the plan is no reason: it is in the record, and its node succeeds.

    Attributes:
        errors: The errors, by their names in SageMaker.
        interval_seconds: Time before the second attempt.
        backoff_rate: Factor by which the interval grows.
        max_attempts: Number of attempts, the first included.
    """

    errors: tuple[str, ...]
    interval_seconds: int
    backoff_rate: float
    max_attempts: int


@attrs.frozen(kw_only=True)
class StepGraph:
    """A SageMaker pipeline, independent of the SageMaker SDK.

    Attributes:
        pipeline: The name of the pipeline: at most 82 letters, digits and hyphens.
        plan: The hash of the plan.
        parameters: The parameters that can be chosen at the start.
        nodes: The nodes, each after those it waits for.
        retries: The retry policies of every node.
        max_parallel: Maximum number of nodes that run at the same time.
        keep_alive_seconds: How long an instance is kept for the next node.
        volume_gb: Disk size of each node.
        max_run_seconds: Time limit of each node.
        tags: The tags of the pipeline and of the jobs of its nodes.
        notes: What to know before the pipeline is submitted or changed in Studio.
    """

    pipeline: str
    plan: str
    parameters: tuple[Parameter, ...]
    nodes: tuple[Node, ...]
    retries: tuple[Retry, ...]
    max_parallel: int
    keep_alive_seconds: int
    volume_gb: int
    max_run_seconds: int
    tags: Mapping[str, str]
    notes: tuple[str, ...]

    def node(self, name: str) -> Node:
        """Return a node by name.

        Raises:
            KeyError: There is no such node.
        """
        return {node.name: node for node in self.nodes}[name]


def make_graph(plan: Plan, settings: SageMakerSettings, options: SageMakerExecutorOptions) -> StepGraph:
    """Return the graph of a plan: the same plan has the same graph on every machine."""
    nodes, instance_types = tuple(plan_nodes(plan)), options.instance_types(plan)
    return StepGraph(
        pipeline=options.pipeline or pipeline_name(plan.name),
        plan=plan.hash,
        parameters=tuple(Parameter(parameter(kind), default) for kind, default in instance_types.items()),
        nodes=nodes,
        retries=_retries(options.attempts),
        max_parallel=options.max_parallel,
        keep_alive_seconds=options.keep_alive_seconds,
        volume_gb=options.volume_gb,
        max_run_seconds=options.max_run_seconds,
        tags=dict(settings.tags),
        notes=graph_notes(nodes, instance_types, settings),
    )


def graph_of(plan: Plan) -> StepGraph:
    """Return the graph of a plan with the settings and options of the plan itself, which a container reads too."""
    names = {field.name for field in attrs.fields(SageMakerExecutorOptions)}
    values = {name: value for name, value in plan.executor.options.items() if name in names}
    options: SageMakerExecutorOptions = from_json(values, SageMakerExecutorOptions)
    return make_graph(plan, SageMakerSettings.of_plan(plan), options)


def _retries(attempts: int) -> tuple[Retry, ...]:
    """Return policies that wait minutes for capacity and quotas, and seconds for SageMaker's own errors."""
    if attempts == 1:
        return ()
    return (
        Retry(("Step.SERVICE_FAULT", "Step.THROTTLING"), 10, 2.0, attempts),
        Retry(("SageMaker.JOB_INTERNAL_ERROR",), 30, 2.0, attempts),
        Retry(("SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"), 300, 1.5, attempts),
    )
