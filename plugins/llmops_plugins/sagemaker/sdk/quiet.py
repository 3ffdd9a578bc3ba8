"""Importing the SageMaker SDK without its side effects."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def keeping_hooks() -> Iterator[None]:
    """Import in the block: the exception hook stays, and the SDK logs errors only."""
    hook = sys.excepthook
    for name in ("sagemaker", "sagemaker.config", "sagemaker.core", "sagemaker.jumpstart", "sagemaker.remote_function"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("sagemaker.telemetry", "sagemaker.core.telemetry"):
        logging.getLogger(f"{name}.telemetry_logging").setLevel(logging.ERROR)
    try:
        yield
    finally:
        sys.excepthook = hook  # sagemaker-core installs rich's


@contextmanager
def environment(**changes: str | None) -> Iterator[None]:
    """Change environment variables in the block; None removes one."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def validator(schema: Mapping[str, Any]) -> Callable[..., None]:
    """Return a function that validates a config, without checking the schema each time as the SDK's own does."""
    from jsonschema import validators

    checked = validators.validator_for(schema)(schema)

    def validate(sagemaker_config: Mapping[str, Any] | None = None) -> None:
        checked.validate(sagemaker_config)

    return validate


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
