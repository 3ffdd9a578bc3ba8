"""Importing the SageMaker SDK quietly and without side effects."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from typing import Any


def load() -> Any:
    """Import `sagemaker` once, quietly and without its side effects.

    It sends no telemetry, asks STS at the address that boto3 uses (`AWS_ENDPOINT_URL` counts), and validates its
    configuration without validating the schema itself each time, which took 70 ms.
    """
    return _loaded()


@cache
def _loaded() -> Any:
    hook, quiet = sys.excepthook, "SAGEMAKER_SUPPRESS_V2_WARNING"
    before = os.environ.get(quiet)
    os.environ[quiet] = "1"
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)  # it logs which files it reads while it is imported
    try:
        import sagemaker
        import sagemaker.config.config
        import sagemaker.jumpstart.utils
        import sagemaker.session
        import sagemaker.utils
        from sagemaker.telemetry import telemetry_logging
    finally:
        sys.excepthook = hook  # sagemaker-core installs rich's
        if before is None:
            del os.environ[quiet]
        else:
            os.environ[quiet] = before
    telemetry_logging._send_telemetry_request = lambda *_args, **_kwargs: None  # noqa: SLF001
    sagemaker.session.sts_regional_endpoint = lambda _region: None
    validate = _validator()
    for module in (sagemaker.utils, sagemaker.session, sagemaker.config.config):
        module.validate_sagemaker_config = validate
    # Each time a model is looked up, this makes several clients, only to log where the licence is.
    sagemaker.jumpstart.utils.emit_logs_based_on_model_specs = lambda *_args, **_kwargs: None
    # `jumpstart/check.py` checks everything that it warns about.
    for name in ("sagemaker", "sagemaker.jumpstart", "sagemaker.telemetry.telemetry_logging"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return sagemaker


def _validator() -> Any:
    from jsonschema import validators
    from sagemaker.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA

    validator = validators.validator_for(SCHEMA)(SCHEMA)
    return lambda sagemaker_config=None: validator.validate(sagemaker_config)


def version() -> str:
    """Return the installed version of the SageMaker SDK, without importing it."""
    from importlib.metadata import version as installed

    return installed("sagemaker")
