"""From a plan to the graph of a SageMaker pipeline: pure, and what `llmops compile` prints.

A node is one `@step`: one instance that SageMaker starts for it. Nodes are few and fat. Each fine-tuning is a node, each
deployed model is one (deploy it, ask every cell that shares it, tear it down), scoring these cells is one, and so is the
comparison. Datasets are prepared before, on the client. The plan's steps stay the unit of the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_sdk.plugin import CompareStep, GenerateStep, Plan, ScoreStep, Step, TrainStep, digest, from_json

TRAIN, GENERATE, SCORE, COMPARE = "train", "generate", "score", "compare"
"""Kinds of nodes, after the plan's step that leads each."""

NAME_LIMIT = 256
_PARAMETERS = {
    TRAIN: "TrainInstanceType",
    GENERATE: "GenerateInstanceType",
    SCORE: "ScoreInstanceType",
    COMPARE: "CompareInstanceType",
}
_KINDS = {TrainStep: TRAIN, GenerateStep: GENERATE, ScoreStep: SCORE, CompareStep: COMPARE}


@attrs.frozen
class Parameter:
    """A text that whoever starts the pipeline may choose.

    Attributes:
        name: As the console shows it.
        default: Its default.
    """

    name: str
    default: str


@attrs.frozen
class Retry:
    """When a node is tried again. A fault of ours is not: the record tells it, and the node itself succeeds.

    Attributes:
        errors: SageMaker's names of them.
        interval_seconds: Before the second attempt.
        backoff_rate: By which the interval grows.
        max_attempts: In all.
    """

    errors: tuple[str, ...]
    interval_seconds: int
    backoff_rate: float
    max_attempts: int


@attrs.frozen
class Node:
    """One `@step`.

    Attributes:
        name: Of the step in SageMaker, 256 letters, digits and hyphens at the most.
        kind: `train`, `generate`, `score` or `compare`.
        steps: The plan's steps it runs, one after another.
        after: The nodes it waits for; the others may run beside it.
        instance_type: The parameter that says on what it runs.
    """

    name: str
    kind: str
    steps: tuple[str, ...]
    after: tuple[str, ...]
    instance_type: str


@attrs.frozen(kw_only=True)
class StepGraph:
    """A pipeline of SageMaker, before the SageMaker SDK has seen it.

    Attributes:
        pipeline: Its name.
        plan: The plan's hash.
        parameters: What whoever starts it may choose.
        nodes: Its steps, each after those it waits for.
        retries: Of every node.
        max_parallel: Nodes at a time.
        keep_alive_seconds: How long an instance is kept for the next node.
        volume_gb: Disk of each node.
        max_run_seconds: After which SageMaker stops a node.
        tags: Of the pipeline and the jobs of its nodes.
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
        """Return one node.

        Raises:
            KeyError: There is none of that name.
        """
        return {node.name: node for node in self.nodes}[name]


def compile_plan(plan: Plan, settings: SageMakerSettings, options: SageMakerExecutorOptions) -> StepGraph:
    """Return the graph of a plan: the same for the same plan, wherever it is made."""
    nodes = tuple(_nodes(plan))
    chosen = {
        TRAIN: options.train_instance_type,
        GENERATE: options.generate_instance_type,
        SCORE: options.score_instance_type,
        COMPARE: options.compare_instance_type,
    }
    used = {node.kind for node in nodes}
    return StepGraph(
        pipeline=options.pipeline or f"llmops-{_slug(plan.name)}"[:NAME_LIMIT].rstrip("-"),
        plan=plan.hash,
        parameters=tuple(Parameter(_PARAMETERS[kind], default) for kind, default in chosen.items() if kind in used),
        nodes=nodes,
        retries=_retries(options.attempts),
        max_parallel=options.max_parallel,
        keep_alive_seconds=options.keep_alive_seconds,
        volume_gb=options.volume_gb,
        max_run_seconds=options.max_run_seconds,
        tags=dict(settings.tags),
    )


def graph_of(plan: Plan) -> StepGraph:
    """Return the graph of a plan as the plan itself says: by it a container finds the steps of its node."""
    known = {field.name for field in attrs.fields(SageMakerExecutorOptions)}
    given = {name: value for name, value in plan.executor.options.items() if name in known}
    options: SageMakerExecutorOptions = from_json(given, SageMakerExecutorOptions)
    return compile_plan(plan, SageMakerSettings.from_mapping(plan.settings.get(PLUGIN, {})), options)


def _nodes(plan: Plan) -> Iterator[Node]:
    node_of: dict[str, str] = {}
    for (kind, lead), steps in _groups(plan).items():
        name = _node_name(lead, set(node_of.values()))
        after = tuple(dict.fromkeys(node_of[need] for step in steps for need in step.needs if need in node_of))
        node_of.update({step.name: name for step in steps})
        yield Node(name, kind, tuple(step.name for step in steps), after, _PARAMETERS[kind])


def _groups(plan: Plan) -> Mapping[tuple[str, str], list[Step]]:
    """Return the steps of each node by its kind and name: scores of one deployed model are one, others are alone."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in plan.steps:
        kind = _KINDS.get(type(step))
        if kind:
            lead = step.needs[0].replace(GENERATE, SCORE, 1) if kind == SCORE else step.name
            groups.setdefault((kind, lead), []).append(step)
    return groups


def _node_name(step: str, taken: set[str]) -> str:
    name = _slug(step, lower=False)
    if len(name) > NAME_LIMIT or name in taken:
        name = f"{name[: NAME_LIMIT - 9].rstrip('-')}-{digest(step)[:8]}"
    return name


def _slug(text: str, *, lower: bool = True) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "pipeline"
    return slug.lower() if lower else slug


def _retries(attempts: int) -> tuple[Retry, ...]:
    """Return what waits long for capacity and quotas, which come back in minutes, and briefly for SageMaker's faults."""
    if attempts == 1:
        return ()
    return (
        Retry(("Step.SERVICE_FAULT", "Step.THROTTLING"), 10, 2.0, attempts),
        Retry(("SageMaker.JOB_INTERNAL_ERROR",), 30, 2.0, attempts),
        Retry(("SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"), 300, 1.5, attempts),
    )
