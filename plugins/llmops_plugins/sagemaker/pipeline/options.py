"""The options of the executors `sagemaker` and `sagemaker-rehearsal`. None of them changes a result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.limits import LONGEST_PIPELINE_NAME
from llmops_plugins.sagemaker.pipeline.checks import pipeline_checks
from llmops_plugins.sagemaker.pipeline.nodes import NODE_KINDS
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Check, ExecutorOptions, Plan, option

_DAY = 24 * 3600
_LIMITED = re.compile(r"ml\.\S+ for (endpoint|(spot )?training job) usage")
"""The names of the quotas that the emulated account has."""

_at_least_one = validators.ge(1)
_instance_type = validators.matches_re(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


def _choice(default: Any, help: str, validator: Any = None) -> Any:  # noqa: A002 - as in `option`
    return option(default, help=help, affects_results=False, validator=validator)


def _pipeline_name(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if len(value) > LONGEST_PIPELINE_NAME or not re.fullmatch(r"|[A-Za-z0-9](-*[A-Za-z0-9])*", value):
        message = (
            f"{attribute.name!r} must be at most {LONGEST_PIPELINE_NAME} letters, digits and hyphens, and start and end"
            f" with no hyphen, not {value!r}"
        )
        raise ValueError(message)


def _quotas(_: object, attribute: attrs.Attribute[Mapping[str, float]], value: Mapping[str, float]) -> None:
    for name, quota in value.items():
        if not _LIMITED.fullmatch(name) or quota < 0:
            message = (
                f"{attribute.name!r} has names such as 'ml.g5.2xlarge for endpoint usage', '... for training job usage' or"
                f" '... for spot training job usage', each with a number from 0, not {name!r}: {quota:g}"
            )
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class SageMakerExecutorOptions(ExecutorOptions):
    """How a pipeline of `@step` functions runs."""

    pipeline: str = _choice(
        "",
        "name of the pipeline in SageMaker; default: made from the name of this pipeline",
        _pipeline_name,
    )
    train_instance_type: str = _choice(
        "ml.m5.xlarge",
        "instance of train steps, which wait for separate training jobs of JumpStart models: parameter TrainInstanceType",
        _instance_type,
    )
    generate_instance_type: str = _choice(
        "ml.m5.xlarge",
        "instance of generate steps, which also run locally served models: parameter GenerateInstanceType",
        _instance_type,
    )
    score_instance_type: str = _choice(
        "ml.m5.xlarge", "instance of score steps: parameter ScoreInstanceType", _instance_type
    )
    compare_instance_type: str = _choice(
        "ml.m5.large", "instance of the compare step: parameter CompareInstanceType", _instance_type
    )
    keep_alive_seconds: int = _choice(
        0,
        "how long an instance is kept for the next step, which then starts in seconds; needs a warm pool quota",
        [validators.ge(0), validators.le(3600)],
    )
    volume_gb: int = _choice(30, "disk size of each step", _at_least_one)
    max_run_seconds: int = _choice(_DAY, "time limit of each step", _at_least_one)
    max_parallel: int = _choice(
        8, "maximum number of steps that run at the same time", [_at_least_one, validators.le(50)]
    )
    attempts: int = _choice(3, "attempts per step on capacity or service errors", _at_least_one)
    poll_seconds: float = _choice(10.0, "interval at which the execution is checked", validators.gt(0))
    stop_seconds: float = _choice(600.0, "how long Ctrl-C waits for the steps to end", validators.gt(0))

    def instance_types(self, plan: Plan) -> Mapping[str, str]:
        """Return the instance type of each kind of node that a plan has."""
        return {
            kind: getattr(self, f"{kind}_instance_type")
            for cls, kind in NODE_KINDS.items()
            if any(isinstance(step, cls) for step in plan.steps)
        }

    def preflight(self, plan: Plan) -> Iterator[Check]:
        """Yield the checks of names, image, SDK, role, bucket and quotas."""
        from llmops_plugins.sagemaker.aws.preflight import Preflight
        from llmops_plugins.sagemaker.pipeline.image import image_check
        from llmops_plugins.sagemaker.pipeline.side_by_side import side_by_side_checks

        settings = SageMakerSettings.of_plan(plan)
        yield from pipeline_checks(plan, settings, self.pipeline, self.instance_types(plan))
        preflight = Preflight(settings)
        yield image_check(preflight.aws)
        yield from preflight.account()
        for instance_type in dict.fromkeys(self.instance_types(plan).values()):
            yield preflight.step_quota(instance_type, warm_pool=self.keep_alive_seconds > 0)
        yield from side_by_side_checks(preflight, plan, self.instance_types(plan), self.max_parallel)


@attrs.frozen(kw_only=True)
class RehearsalOptions(SageMakerExecutorOptions):
    """How a pipeline is rehearsed, and the options that it would have on SageMaker."""

    poll_seconds: float = _choice(0.5, "interval at which the execution is checked", validators.gt(0))
    stop_seconds: float = _choice(30.0, "how long Ctrl-C waits for the steps to end", validators.gt(0))
    steps_at_a_time: int = _choice(
        1, "number of steps that run at the same time on this machine, at most max_parallel", _at_least_one
    )
    install: bool = _choice(False, "install the requirements of the steps with pip, in a separate environment; slow")
    substitute: str = _choice("smollm2", "the small model that takes the place of JumpStart models: name of its card")
    substitute_options: Mapping[str, Any] = option(factory=dict, help="options of that card", affects_results=False)
    substitute_steps: int = _choice(20, "optimizer steps of an emulated training job", _at_least_one)
    quotas: Mapping[str, float] = option(
        factory=dict,
        help="quotas of the emulated account by their names in AWS: {'ml.g5.2xlarge for endpoint usage': 1}; default: no limit",
        affects_results=False,
        validator=_quotas,
    )
