"""The nodes of a SageMaker pipeline, made from a plan: their names in SageMaker, and the steps that each of them runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from llmops_plugins.sagemaker.limits import (
    LONGEST_DISPLAY_NAME,
    LONGEST_PIPELINE_NAME,
    LONGEST_STEP_NAME,
    shortened,
)
from llmops_sdk.plugin import CompareStep, GenerateStep, LookStep, Plan, ScoreStep, Step, TrainStep

NODE_KINDS: Mapping[type[Step], str] = {
    TrainStep: "train",
    GenerateStep: "generate",
    ScoreStep: "score",
    LookStep: "compare",
    CompareStep: "compare",
}
"""The kinds of nodes, by the steps of the plan that they run. The client itself prepares the datasets."""


@attrs.frozen
class Node:
    """One `@step`.

    Attributes:
        name: The name of the step in SageMaker: at most 64 letters, digits and hyphens.
        display_name: The name that Studio shows.
        kind: `train`, `generate`, `score` or `compare`.
        steps: The steps of the plan that it runs, one after another.
        after: The nodes that it waits for; all others may run at the same time.
        instance_type: The parameter that holds its instance type.
    """

    name: str
    display_name: str
    kind: str
    steps: tuple[str, ...]
    after: tuple[str, ...]
    instance_type: str


def plan_nodes(plan: Plan) -> Iterator[Node]:
    """Yield the nodes of a plan, each after those it waits for."""
    node_of: dict[str, str] = {}
    for (kind, lead), steps in _groups(plan).items():
        name = _node_name(lead, set(node_of.values()))
        after = tuple(dict.fromkeys(node_of[need] for step in steps for need in step.needs if need in node_of))
        node_of.update({step.name: name for step in steps})
        display_name = shortened(lead.replace(".", " ", 1), LONGEST_DISPLAY_NAME)
        yield Node(name, display_name, kind, tuple(step.name for step in steps), after, parameter(kind))


def uploads_root(plan_uri: str, start: str) -> str:
    """Return the URI below which a start of a pipeline has its files: beside the plan, with which `llmops clean` frees them.

    >>> uploads_root("s3://bucket/llmops/plans/1f/plan.json?region=us-east-1", "ab12")
    's3://bucket/llmops/plans/1f/ab12'

    Args:
        plan_uri: The URI of the plan.
        start: The name of the start; none has that of another.
    """
    parts = urlsplit(plan_uri)
    return f"s3://{parts.netloc}{parts.path.rpartition('/')[0]}/{start}"


def parameter(kind: str) -> str:
    """Return the name of the parameter with the instance type of a kind of node."""
    return f"{kind.capitalize()}InstanceType"


def pipeline_name(name: str) -> str:
    """Return the name of a pipeline; another name that is cut to the same text gets another hash."""
    return shortened(f"llmops-{_slug(name)}", LONGEST_PIPELINE_NAME)


def _groups(plan: Plan) -> Mapping[tuple[str, str], list[Step]]:
    """Return the steps of each node by its kind and name. Only the scores of one deployed model share a node."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in plan.steps:
        kind = NODE_KINDS.get(type(step))
        if kind:
            lead = step.needs[0].replace("generate", "score", 1) if isinstance(step, ScoreStep) else step.name
            groups.setdefault((kind, lead), []).append(step)
    return groups


def _node_name(step: str, taken: set[str]) -> str:
    """Return the name of a node, which no other node has."""
    name = _slug(step, lower=False)
    if name in taken or len(name) > LONGEST_STEP_NAME:
        return shortened(name, LONGEST_STEP_NAME, of=step, always=True)
    return name


def _slug(text: str, *, lower: bool = True) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "pipeline"
    return slug.lower() if lower else slug
