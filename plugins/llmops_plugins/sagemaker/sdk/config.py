"""Calls of the SageMaker SDK, and the user's config as it reads it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.interrupts import delayed_interrupt
from llmops_plugins.sagemaker.sdk.installed import line
from llmops_plugins.sagemaker.sdk.line import Line
from llmops_sdk.plugin import LLMOpsError, UserError, did_you_mean


def load_config(sdk: Line, session: Any, region: str) -> dict[str, Any]:
    """Return the user's SageMaker config, with telemetry turned off."""
    config = sdk.config(session.resource("s3", region_name=region))
    config.setdefault("SchemaVersion", "1.0")
    modules = config
    for key in ("SageMaker", "PythonSDK", "Modules"):
        modules = modules.setdefault(key, {})
    modules["TelemetryOptOut"] = True
    return config


@contextmanager
def sdk_call(subject: str) -> Iterator[Line]:
    """Call the SDK in the block: an interrupt is delayed to its end, and its errors become one line.

    The SDK raises ValueError, AttributeError and its own classes for mistakes that the user can fix.

    Raises:
        UserError: The SDK is not installed, or refuses something.
    """
    with delayed_interrupt(), translated_errors(subject), warnings.catch_warnings():
        # 2.257 warns at each of its classes that version 3 will have others.
        warnings.filterwarnings("ignore", message=".*SageMaker Python SDK v2", category=FutureWarning)
        sdk = line()
        sdk.load()
        from botocore.exceptions import BotoCoreError, ClientError
        from jsonschema import ValidationError

        try:
            yield sdk
        except (BotoCoreError, ClientError, LLMOpsError):
            raise
        except ValidationError as exc:  # its text has the value, which may be a secret, and the complete schema
            place = ".".join(str(part) for part in exc.absolute_path) or "it"
            message = f"{subject}: {place} is not valid: {_problem(exc)}"
            raise UserError(message) from None
        except Exception as exc:
            message = f"{subject}: the SageMaker SDK refuses it: {' '.join(str(exc).split())}"
            raise UserError(message) from exc


def _problem(error: Any) -> str:
    """Return what a value breaks, by names and limits only: the value may be a secret."""
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        unknown = [
            str(name)
            for name in error.instance
            if name not in known and not any(re.search(pattern, str(name)) for pattern in patterns)
        ]
        return f"the SageMaker SDK knows no {', '.join(map(repr, unknown))}{did_you_mean(unknown[0], known)}"
    return f"the SageMaker SDK requires {error.validator} {error.validator_value}"
