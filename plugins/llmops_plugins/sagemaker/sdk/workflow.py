"""Building `@step` pipelines with the SDK."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmops_plugins.sagemaker.sdk.config import load_config, sdk_call
from llmops_plugins.sagemaker.sdk.line import Parts


@contextmanager
def workflow(
    session: Any, region: str, client: Any, *, bucket: str, s3: Any, own_config: Mapping[str, Any]
) -> Iterator[tuple[Parts, Any]]:
    """Yield the SDK's classes for a pipeline of `@step` functions, and a session of the SDK for its compiler.

    Args:
        session: The boto3 session.
        region: The region.
        client: The boto3 client of SageMaker.
        bucket: The default bucket, which is assumed to exist.
        s3: Used by the SDK in place of boto3's S3 resource.
        own_config: Overrides the user's `RemoteFunction` configuration.
    """
    with sdk_call("SageMaker config") as sdk:
        config = load_config(sdk, session, region)
    with sdk_call("pipeline"):
        parts = sdk.parts()
        logging.getLogger("sagemaker.remote_function").setLevel(logging.ERROR)  # both lines log every upload there
        modules = config["SageMaker"]["PythonSDK"]["Modules"]
        modules["RemoteFunction"] = {**modules.get("RemoteFunction", {}), **own_config}
        sdk_session = sdk.session(boto_session=session, sagemaker_client=client, sagemaker_config=config)
        sdk_session.s3_resource = s3
        sdk_session._default_bucket = bucket  # noqa: SLF001 - else it asks S3 whether the bucket exists
        yield parts, sdk_session
