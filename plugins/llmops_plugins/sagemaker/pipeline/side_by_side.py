"""What the steps of a pipeline need at the same time, added up and compared with the quotas of the account."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import attrs

from llmops_plugins.sagemaker.aws.preflight import ENDPOINTS, JOBS, SPOT_JOBS, Preflight
from llmops_plugins.sagemaker.endpoint.check import Served, serving_instance
from llmops_plugins.sagemaker.jumpstart.check import training_instance
from llmops_sdk.plugin import BaseModel, Check, Component, GenerateStep, Plan, ScoreStep, Step, TrainStep

_KINDS: tuple[type[Step], ...] = (TrainStep, GenerateStep, ScoreStep)
"""The kinds of steps of which several run at the same time."""


@attrs.frozen
class _Quota:
    """What a quota limits: instances of a type for a usage."""

    instance_type: str
    usage: str


def side_by_side_checks(
    preflight: Preflight, plan: Plan, step_types: Mapping[str, str], max_parallel: int
) -> Iterator[Check]:
    """Yield a check for each quota of which several steps need a share at the same time.

    Endpoints and jobs wait while a quota is in use, so too small a quota is a warning; it is an error if one of them alone
    needs more.

    Args:
        preflight: The checks of the account.
        plan: The plan.
        step_types: The instance types of the steps, by their kind.
        max_parallel: The most steps that run at the same time.
    """
    largest: dict[_Quota, list[int]] = {}
    for kind in _KINDS:
        shares: dict[_Quota, list[int]] = defaultdict(list)
        for step in plan.steps:
            if isinstance(step, kind):
                for quota, count in _needs(preflight, plan, step, step_types).items():
                    shares[quota].append(count)
        for quota, counts in shares.items():
            at_once = sorted(counts, reverse=True)[:max_parallel]
            if sum(at_once) > sum(largest.get(quota, ())):
                largest[quota] = at_once
    for quota, counts in largest.items():
        if len(counts) > 1:
            yield preflight.shared_quota(quota.instance_type, quota.usage, counts)


def _needs(preflight: Preflight, plan: Plan, step: Step, step_types: Mapping[str, str]) -> Counter[_Quota]:
    """Return what a step needs while it runs: its own instance, and those of the job or the endpoint that it creates."""
    if isinstance(step, TrainStep):
        model = plan.model_by_name[step.model]
        needs = Counter({_Quota(step_types["train"], JOBS): 1})
        if model.trainer is not None and model.trainer.use == "jumpstart":
            usage = SPOT_JOBS if model.trainer.options.get("spot") else JOBS
            instance = _trained_on(preflight, model.trainer, model.base)
            needs[_Quota(instance, usage)] += int(_option(model.trainer, "instance_count") or 1)
        return needs
    if isinstance(step, GenerateStep):
        model = plan.model_by_name[step.model]
        needs = Counter({_Quota(step_types["generate"], JOBS): 1})
        if model.deployer.use == "sagemaker-endpoint":
            trained_on = None if model.trainer is None else _trained_on(preflight, model.trainer, model.base)
            served = Served(model.base, trained_on)
            instance = _option(model.deployer, "instance_type") or serving_instance(preflight.aws, served)
            needs[_Quota(instance, ENDPOINTS)] += int(_option(model.deployer, "instance_count") or 1)
        return needs
    return Counter({_Quota(step_types["score"], JOBS): 1})


def _trained_on(preflight: Preflight, trainer: Component, base: BaseModel) -> str:
    return _option(trainer, "instance_type") or training_instance(preflight.aws, base)


def _option(component: Component, name: str) -> str:
    value = component.options.get(name)
    return "" if value is None else str(value)
