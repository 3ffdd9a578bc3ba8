"""Checks of a pipeline that need no account: its names, the number of its steps, and the key of their volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from llmops_plugins.sagemaker.aws.instances import local_storage
from llmops_plugins.sagemaker.limits import LONGEST_ARGUMENT, MOST_STEPS
from llmops_plugins.sagemaker.pipeline.nodes import Node, parameter, pipeline_name, plan_nodes, uploads_root
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Check, Finding, Plan, plan_uri

_START = "0" * 8
_LONGEST_DEFAULT_BUCKET = "sagemaker-ap-southeast-1-111122223333"


def pipeline_checks(
    plan: Plan, settings: SageMakerSettings, name: str, instance_types: Mapping[str, str]
) -> Iterator[Check]:
    """Yield the checks of a pipeline.

    Args:
        plan: The plan.
        settings: The settings of the plugin.
        name: The chosen name of the pipeline, or an empty text.
        instance_types: The instance type of each kind of node.
    """
    nodes, pipeline = tuple(plan_nodes(plan)), name or pipeline_name(plan.name)
    bucket = settings.bucket or _LONGEST_DEFAULT_BUCKET
    root = uploads_root(plan_uri(f"s3://{bucket}/{settings.prefix}", plan.hash), _START)
    yield Check("SageMaker pipeline", partial(_check_names, pipeline, nodes, f"{root}/{pipeline}"))
    if settings.kms_key:
        yield Check("key of the steps' volumes", partial(_check_volumes, instance_types, settings))


def graph_notes(
    nodes: Sequence[Node], instance_types: Mapping[str, str], settings: SageMakerSettings
) -> tuple[str, ...]:
    """Return what to know before a pipeline is submitted or changed in Studio."""
    return (*_step_notes(nodes), *_volume_notes(instance_types, settings))


def _check_names(pipeline: str, nodes: Sequence[Node], address: str) -> Finding:
    """Check the address of the pipeline's files, which is an argument of every container, and the number of steps."""
    if len(address) > LONGEST_ARGUMENT:
        text = f"the address of its files has {len(address)} characters, and SageMaker allows {LONGEST_ARGUMENT}: {address}"
        return Finding("error", text, "shorten the prefix: with_settings('sagemaker', prefix=...)")
    notes = _step_notes(nodes)
    names = f"{pipeline}: {', '.join(node.name for node in nodes)}"
    return Finding("warning", "; ".join(notes), f"names in SageMaker are {names}") if notes else Finding("ok", names)


def _check_volumes(instance_types: Mapping[str, str], settings: SageMakerSettings) -> Finding:
    return Finding("warning", "; ".join(_volume_notes(instance_types, settings)))


def _step_notes(nodes: Sequence[Node]) -> tuple[str, ...]:
    if len(nodes) <= MOST_STEPS:
        return ()
    return (
        f"it has {len(nodes)} steps, and SageMaker allows {MOST_STEPS} unless your quota is higher: compare fewer models",
    )


def _volume_notes(instance_types: Mapping[str, str], settings: SageMakerSettings) -> tuple[str, ...]:
    """Return what the key of volumes means for the instance types, which can be changed when the pipeline is started."""
    if not settings.kms_key:
        return ()
    without_key = [parameter(kind) for kind, name in instance_types.items() if local_storage(name)]
    with_key = [parameter(kind) for kind, name in instance_types.items() if not local_storage(name)]
    notes = []
    if without_key:
        notes.append(
            f"{', '.join(without_key)}: instances with local storage encrypt it with a key of their own, so kms_key is left out"
            " for their volumes, and for those of any other type that is set in Studio"
        )
    if with_key:
        notes.append(
            f"{', '.join(with_key)}: with kms_key, SageMaker refuses a type with local storage that is set in Studio"
            " (such as ml.g4dn, ml.g5, ml.p4d or ml.m5d): set it in the executor's options"
        )
    return tuple(notes)
