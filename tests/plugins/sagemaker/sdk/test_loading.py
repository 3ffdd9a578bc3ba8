"""Loading the SageMaker SDK without its side effects."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.requests import training_request
from llmops_plugins.sagemaker.sdk import config
from llmops_plugins.sagemaker.sdk.loading import load
from llmops_sdk import UserError

from ..choices import TRAINING


def test_the_sdk_sends_no_telemetry(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its calls nor its errors send a request to anything but AWS's services."""
    import requests

    asked: list[Any] = []
    monkeypatch.setattr(requests, "get", lambda *arguments, **_: asked.append(arguments))
    monkeypatch.setattr(requests.Session, "send", lambda *arguments, **_: asked.append(arguments))

    training_request(aws, TRAINING)
    with pytest.raises(UserError):
        training_request(aws, attrs.evolve(TRAINING, tolerate_vulnerable_model=False))

    assert [] == asked


def test_importing_the_sdk_has_no_side_effects() -> None:
    """It leaves no exception hook, no environment variable and no output."""
    code = (
        "import os, sys\n"
        "hook, environment = sys.excepthook, dict(os.environ)\n"
        "from llmops_plugins.sagemaker.sdk.loading import load\n"
        "load()\n"
        "assert sys.excepthook is hook\n"
        "assert dict(os.environ) == environment\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_the_schema_of_the_config_is_not_checked_at_each_look_up(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would check it: half a minute for a pipeline of twenty steps."""
    from jsonschema.validators import validator_for
    from sagemaker.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA

    load()
    checked: list[object] = []
    monkeypatch.setattr(validator_for(SCHEMA), "check_schema", lambda schema, **_: checked.append(schema))

    assert "" == config.configured(aws.session, aws.region, "SageMaker", "TrainingJob", "RoleArn")
    training_request(aws, TRAINING)
    assert [] == checked
