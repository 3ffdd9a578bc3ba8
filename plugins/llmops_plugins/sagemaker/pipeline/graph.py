"""The graph of a SageMaker pipeline, made from a plan without asking anybody; `llmops compile` prints it.

A node is one `@step`, for which SageMaker starts one instance. There are few nodes, each with much work: one for each
fine-tuning, one for each deployed model (deploy it, ask every cell that shares it, tear it down), one that scores these
cells, and one for the comparison. The client prepares the datasets before. The record still has every step of the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from llmops_plugins.sagemaker.pipeline.options import NODE_KINDS, SageMakerExecutorOptions
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Plan, ScoreStep, Step, digest, from_json


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


@attrs.frozen
class Node:
    """One `@step`.

    Attributes:
        name: The name of the step in SageMaker: at most 256 letters, digits and hyphens.
        kind: `train`, `generate`, `score` or `compare`.
        steps: The steps of the plan that it runs, one after another.
        after: The nodes that it waits for; all others may run at the same time.
        instance_type: The parameter that holds its instance type.
    """

    name: str
    kind: str
    steps: tuple[str, ...]
    after: tuple[str, ...]
    instance_type: str


@attrs.frozen(kw_only=True)
class StepGraph:
    """A SageMaker pipeline, independent of the SageMaker SDK.

    Attributes:
        pipeline: The name of the pipeline.
        plan: The hash of the plan.
        parameters: The parameters that can be chosen at the start.
        nodes: The nodes, each after those it waits for.
        retries: The retry policies of every node.
        max_parallel: Maximum number of nodes that run at the same time.
        keep_alive_seconds: How long an instance is kept for the next node.
        volume_gb: Disk size of each node.
        max_run_seconds: Time limit of each node.
        tags: The tags of the pipeline and of the jobs of its nodes.
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

    def node(self, name: str) -> Node:
        """Return a node by name.

        Raises:
            KeyError: There is no such node.
        """
        return {node.name: node for node in self.nodes}[name]


def make_graph(plan: Plan, settings: SageMakerSettings, options: SageMakerExecutorOptions) -> StepGraph:
    """Return the graph of a plan: the same plan has the same graph on every machine."""
    nodes = tuple(_nodes(plan))
    return StepGraph(
        pipeline=options.pipeline or f"llmops-{_slug(plan.name)}",
        plan=plan.hash,
        parameters=tuple(
            Parameter(_parameter(kind), default) for kind, default in options.instance_types(plan).items()
        ),
        nodes=nodes,
        retries=_retries(options.attempts),
        max_parallel=options.max_parallel,
        keep_alive_seconds=options.keep_alive_seconds,
        volume_gb=options.volume_gb,
        max_run_seconds=options.max_run_seconds,
        tags=dict(settings.tags),
    )


def graph_of(plan: Plan) -> StepGraph:
    """Return the graph of a plan with the settings and options of the plan itself, which a container reads too."""
    names = {field.name for field in attrs.fields(SageMakerExecutorOptions)}
    values = {name: value for name, value in plan.executor.options.items() if name in names}
    options: SageMakerExecutorOptions = from_json(values, SageMakerExecutorOptions)
    return make_graph(plan, SageMakerSettings.of_plan(plan), options)


def _nodes(plan: Plan) -> Iterator[Node]:
    node_of: dict[str, str] = {}
    for (kind, lead), steps in _groups(plan).items():
        name = _node_name(lead, set(node_of.values()))
        after = tuple(dict.fromkeys(node_of[need] for step in steps for need in step.needs if need in node_of))
        node_of.update({step.name: name for step in steps})
        yield Node(name, kind, tuple(step.name for step in steps), after, _parameter(kind))


def _groups(plan: Plan) -> Mapping[tuple[str, str], list[Step]]:
    """Return the steps of each node by its kind and name. Only the scores of one deployed model share a node."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in plan.steps:
        kind = NODE_KINDS.get(type(step))
        if kind:
            lead = step.needs[0].replace("generate", "score", 1) if isinstance(step, ScoreStep) else step.name
            groups.setdefault((kind, lead), []).append(step)
    return groups


def _parameter(kind: str) -> str:
    return f"{kind.capitalize()}InstanceType"


def _node_name(step: str, taken: set[str]) -> str:
    """Return the name of a node, which has less than SageMaker's 256 characters: `build()` limits all names."""
    name = _slug(step, lower=False)
    return f"{name}-{digest(step)[:8]}" if name in taken else name


def _slug(text: str, *, lower: bool = True) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "pipeline"
    return slug.lower() if lower else slug


def _retries(attempts: int) -> tuple[Retry, ...]:
    """Return policies that wait minutes for capacity and quotas, and seconds for SageMaker's own errors."""
    if attempts == 1:
        return ()
    return (
        Retry(("Step.SERVICE_FAULT", "Step.THROTTLING"), 10, 2.0, attempts),
        Retry(("SageMaker.JOB_INTERNAL_ERROR",), 30, 2.0, attempts),
        Retry(("SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"), 300, 1.5, attempts),
    )
