"""The line 2.x of the SageMaker SDK: in maintenance, and supported by AWS until 2027-07-06."""

from __future__ import annotations

from functools import cache

from llmops_plugins.sagemaker.sdk.line import Line, Parts
from llmops_plugins.sagemaker.sdk.quiet import environment, keeping_hooks, validator


class Line2(Line):
    """The SDK 2.253.1 to 2.257."""

    entry_point = "sagemaker.remote_function.invoke_function"
    config_module = "sagemaker.config.config"
    session_module = "sagemaker.session"

    def load(self) -> None:
        """Import it; see `Line.load`."""
        _load()

    def parts(self) -> Parts:
        """Return the classes; see `Line.parts`."""
        from sagemaker.workflow import retry
        from sagemaker.workflow.execution_variables import ExecutionVariables
        from sagemaker.workflow.function_step import step
        from sagemaker.workflow.parameters import ParameterString
        from sagemaker.workflow.pipeline import Pipeline
        from sagemaker.workflow.step_outputs import get_step

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
    with keeping_hooks(), environment(SAGEMAKER_SUPPRESS_V2_WARNING="1"):  # it warns that version 3 is there
        import sagemaker.config.config
        import sagemaker.session
        import sagemaker.utils
        from sagemaker.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA
        from sagemaker.telemetry import telemetry_logging
    telemetry_logging._send_telemetry_request = lambda *_args, **_kwargs: None  # noqa: SLF001
    sagemaker.session.sts_regional_endpoint = lambda _region: None
    validate = validator(SCHEMA)
    for module in (sagemaker.utils, sagemaker.session, sagemaker.config.config):
        module.validate_sagemaker_config = validate
