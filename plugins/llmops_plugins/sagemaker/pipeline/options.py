"""The options of the executors `sagemaker` and `sagemaker-rehearsal`. None of them changes a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Check, ExecutorOptions, Plan, option

_DAY = 24 * 3600
_at_least_one = validators.ge(1)
_instance_type = validators.matches_re(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


def _choice(default: Any, help: str, validator: Any = None) -> Any:  # noqa: A002 - as in `option`
    return option(default, help=help, affects_results=False, validator=validator)


@attrs.frozen(kw_only=True)
class SageMakerExecutorOptions(ExecutorOptions):
    """How a pipeline of `@step` functions runs."""

    pipeline: str = _choice(
        "",
        "the pipeline's name in SageMaker; by default made from this pipeline's",
        validators.matches_re(r"|[A-Za-z0-9](-?[A-Za-z0-9]){0,255}"),
    )
    train_instance_type: str = _choice(
        "ml.m5.xlarge",
        "runs the train steps, which for JumpStart models wait for jobs of their own: parameter TrainInstanceType",
        _instance_type,
    )
    generate_instance_type: str = _choice(
        "ml.m5.xlarge",
        "deploys and asks, and computes where the model is served locally: parameter GenerateInstanceType",
        _instance_type,
    )
    score_instance_type: str = _choice("ml.m5.xlarge", "scores: parameter ScoreInstanceType", _instance_type)
    compare_instance_type: str = _choice("ml.m5.large", "compares: parameter CompareInstanceType", _instance_type)
    keep_alive_seconds: int = _choice(
        0,
        "how long an instance is kept for the next step, which then starts in seconds; needs a quota for warm pools",
        [validators.ge(0), validators.le(3600)],
    )
    volume_gb: int = _choice(30, "disk of each step", _at_least_one)
    max_run_seconds: int = _choice(_DAY, "after which SageMaker stops a step", _at_least_one)
    max_parallel: int = _choice(8, "steps at a time, at the most", [_at_least_one, validators.le(50)])
    attempts: int = _choice(
        3, "how often a step is tried that SageMaker has no instance for, or fails by its own fault", _at_least_one
    )
    poll_seconds: float = _choice(10.0, "between two looks at the execution", validators.gt(0))
    stop_seconds: float = _choice(600.0, "how long Ctrl-C waits for the steps to end", validators.gt(0))

    def preflight(self, plan: Plan) -> Iterator[Check]:
        """Yield what must hold before the pipeline is made: image, SDK, role, bucket, quotas."""
        from llmops_plugins.sagemaker.pipeline.compile import graph_of
        from llmops_plugins.sagemaker.preflight import Guards

        guards = Guards(plan.settings)
        yield guards.image()
        yield from guards.account()
        for parameter in graph_of(plan).parameters:
            yield guards.step_quota(parameter.default, warm_pool=self.keep_alive_seconds > 0)


@attrs.frozen(kw_only=True)
class RehearsalOptions(SageMakerExecutorOptions):
    """How the rehearsal runs, and what the pipeline that is rehearsed would be."""

    poll_seconds: float = _choice(0.5, "between two looks at the execution", validators.gt(0))
    stop_seconds: float = _choice(30.0, "how long Ctrl-C waits for the steps to end", validators.gt(0))
    steps_at_a_time: int = _choice(
        1, "steps that run side by side on this machine, max_parallel at the most", _at_least_one
    )
    install: bool = _choice(
        False, "install the steps' requirements with pip, into an environment made for the rehearsal; slow"
    )
    stand_in: str = _choice("smollm2", "the model that plays JumpStart models: its card's name")
    stand_in_options: Mapping[str, Any] = option(factory=dict, help="options of that card", affects_results=False)
    stand_in_steps: int = _choice(20, "optimizer steps of a training job that is played", _at_least_one)
