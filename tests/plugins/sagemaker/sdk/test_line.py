"""The installed line of the SDK, whichever it is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.config import load_config
from llmops_plugins.sagemaker.sdk.installed import line, version

pytestmark = pytest.mark.sdk


def test_importing_it_has_no_side_effects() -> None:
    """Without a region, and with 3.x's own warnings as errors: it leaves no exception hook, no environment variable and no output."""
    code = (
        "import os, sys\n"
        "hook, environment = sys.excepthook, dict(os.environ)\n"
        "from llmops_plugins.sagemaker.sdk.installed import line\n"
        "line().load(); line().parts()\n"
        "assert sys.excepthook is hook\n"
        "assert dict(os.environ) == environment\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_CONFIG_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    strict = ["-W", "error::DeprecationWarning"] if version().startswith("3.") else []
    command = [sys.executable, *strict, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_the_module_that_a_container_runs_is_the_one_that_is_installed() -> None:
    """And it belongs to the line that the version names."""
    sdk = line()
    sdk.parts()

    assert import_module(sdk.entry_point).__name__ == sdk.entry_point
    assert (".core." in sdk.entry_point) == version().startswith("3.")


def test_the_config_turns_telemetry_off(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent when a session is made."""
    import requests

    asked: list[Any] = []
    monkeypatch.setattr(requests, "get", lambda *arguments, **_: asked.append(arguments))
    sdk = line()
    config = load_config(sdk, aws.session, aws.region)
    client = aws.client("sagemaker")

    session = sdk.session(boto_session=aws.session, sagemaker_client=client, sagemaker_config=config)

    assert config["SageMaker"]["PythonSDK"]["Modules"]["TelemetryOptOut"]
    assert client is session.sagemaker_client
    assert [] == asked


def test_the_schema_of_the_config_is_not_checked_at_each_look_up(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would check it: half a minute for a pipeline of twenty steps."""
    sdk = line()
    sdk.load()
    checked: list[object] = []
    monkeypatch.setattr("jsonschema.validate", lambda *arguments, **_: checked.append(arguments))
    config = load_config(sdk, aws.session, aws.region)

    sdk.session(boto_session=aws.session, sagemaker_client=aws.client("sagemaker"), sagemaker_config=config)
    assert [] == checked
