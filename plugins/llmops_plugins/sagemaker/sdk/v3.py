"""The line 3.x of the SageMaker SDK."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from llmops_plugins.sagemaker.sdk.line import Line, Parts
from llmops_plugins.sagemaker.sdk.quiet import environment, keeping_hooks, validator


class Line3(Line):
    """The SDK 3.x, which consists of five distributions."""

    entry_point = "sagemaker.core.remote_function.invoke_function"
    config_module = "sagemaker.core.config.config"
    session_module = "sagemaker.core.helper.session_helper"

    def load(self) -> None:
        """Import it; see `Line.load`."""
        _load()

    def parts(self) -> Parts:
        """Return the classes; see `Line.parts`."""
        with _quietly_imported():
            from sagemaker.core.workflow.execution_variables import ExecutionVariables
            from sagemaker.core.workflow.parameters import ParameterString
            from sagemaker.core.workflow.step_outputs import get_step
            from sagemaker.mlops.workflow import retry
            from sagemaker.mlops.workflow.function_step import step
            from sagemaker.mlops.workflow.pipeline import Pipeline

        return Parts(
            step=step,
            get_step=get_step,
            pipeline=Pipeline,
            parameter=ParameterString,
            execution_id=ExecutionVariables.PIPELINE_EXECUTION_ID,
            retry=retry,
        )


@cache
def _load() -> None:
    with _quietly_imported():
        import sagemaker.core.config.config
        import sagemaker.core.helper.session_helper
        from sagemaker.core.config.config_manager import SageMakerConfig
        from sagemaker.core.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA
        from sagemaker.core.telemetry import telemetry_logging
    telemetry_logging._send_telemetry_request = lambda *_args, **_kwargs: None  # noqa: SLF001
    sagemaker.core.helper.session_helper.sts_regional_endpoint = lambda _region: None
    validate = validator(SCHEMA)
    for module in (sagemaker.core.helper.session_helper, sagemaker.core.config.config):
        module.validate_sagemaker_config = validate
    SageMakerConfig.validate_sagemaker_config = staticmethod(validate)


@contextmanager
def _quietly_imported() -> Iterator[None]:
    """Import in the block, without its own deprecation warnings.

    While it is imported it makes clients, which ask nothing: they need a region, and no profile, which may not exist.
    """
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
    variables = {"AWS_DEFAULT_REGION": region, "AWS_PROFILE": None, "AWS_DEFAULT_PROFILE": None}
    with keeping_hooks(), environment(**variables), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
