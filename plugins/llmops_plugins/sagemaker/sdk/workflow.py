"""Building `@step` pipelines with the SDK."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.config import building, load_config
from llmops_plugins.sagemaker.sdk.loading import load


@contextmanager
def workflow(aws: Aws, bucket: str, s3: Any, own_config: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Lend what a pipeline of `@step` functions is made of: the SDK's own classes, and a session for its compiler.

    Args:
        aws: The account.
        bucket: The default bucket, which is taken to be there.
        s3: Stands where the SDK expects boto3's S3 resource.
        own_config: Laid over the user's `RemoteFunction` configuration.
    """
    with building("pipeline"):
        from sagemaker.workflow import retry
        from sagemaker.workflow.execution_variables import ExecutionVariables
        from sagemaker.workflow.function_step import step
        from sagemaker.workflow.parameters import ParameterString
        from sagemaker.workflow.pipeline import Pipeline
        from sagemaker.workflow.step_outputs import get_step

        logging.getLogger("sagemaker.remote_function").setLevel(logging.ERROR)  # it tells every upload
        config = load_config(aws)
        modules = config["SageMaker"]["PythonSDK"]["Modules"]
        modules["RemoteFunction"] = {**modules.get("RemoteFunction", {}), **own_config}
        session = load().session.Session(
            boto_session=aws.session, sagemaker_client=aws.client("sagemaker"), sagemaker_config=config
        )
        session.s3_resource = s3
        session._default_bucket = bucket  # noqa: SLF001 - else it asks S3 whether it is there
        yield (
            SimpleNamespace(
                step=step,
                get_step=get_step,
                Pipeline=Pipeline,
                ParameterString=ParameterString,
                EXECUTION_ID=ExecutionVariables.PIPELINE_EXECUTION_ID,
                StepRetryPolicy=retry.StepRetryPolicy,
                StepExceptionTypeEnum=retry.StepExceptionTypeEnum,
                JobRetryPolicy=retry.SageMakerJobStepRetryPolicy,
                JobExceptionTypeEnum=retry.SageMakerJobExceptionTypeEnum,
            ),
            session,
        )
