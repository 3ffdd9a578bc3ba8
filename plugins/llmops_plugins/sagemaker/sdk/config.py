"""The user's SageMaker config, as the SDK reads it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import told
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_sdk.plugin import LLMOpsError, UserError


def configured(aws: Aws, *keys: str) -> str:
    """Return a text of the user's SageMaker config, or an empty one.

    Args:
        aws: Whose credentials read a config that lies in S3.
        *keys: The way to it, from `SageMaker` on.
    """
    with building("SageMaker config"):
        found: Any = load_config(aws)
        for key in keys:
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, str) else ""


def load_config(aws: Aws) -> dict[str, Any]:
    """Return the user's SageMaker config with the telemetry turned off in it."""
    from sagemaker.config import load_sagemaker_config

    config: dict[str, Any] = load_sagemaker_config(s3_resource=aws.session.resource("s3", region_name=aws.region))
    config.setdefault("SchemaVersion", "1.0")
    modules = config
    for key in ("SageMaker", "PythonSDK", "Modules"):
        modules = modules.setdefault(key, {})
    modules["TelemetryOptOut"] = True
    return config


@contextmanager
def building(what: str) -> Iterator[None]:
    """Call the SDK: an interrupt waits for its end, and its refusals get one line.

    The SDK raises ValueError, AttributeError and classes of its own for what the user can mend.
    """
    with held_interrupt(), told(what), warnings.catch_warnings():
        # 2.257 tells at each of its classes that version 3 will have others.
        warnings.filterwarnings("ignore", message=".*SageMaker Python SDK v2", category=FutureWarning)
        load()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError, LLMOpsError):
            raise
        except Exception as exc:
            message = f"{what}: the SageMaker SDK refuses it: {' '.join(str(exc).split())}"
            raise UserError(message) from exc


def remote_function_config(aws: Aws) -> Mapping[str, Any]:
    """Return the user's own `RemoteFunction` configuration."""
    with building("SageMaker config"):
        modules = load_config(aws)["SageMaker"]["PythonSDK"]["Modules"]
        found: Mapping[str, Any] = modules.get("RemoteFunction", {})
        return found
