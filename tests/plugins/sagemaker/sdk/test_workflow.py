"""The parts of a `@step` pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.workflow import workflow


def test_the_session_uses_our_s3_and_configuration(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our `RemoteFunction` configuration overrides the user's key by key; telemetry is off."""
    remote = {"RemoteFunction": {"ImageUri": "users", "PreExecutionCommands": ["ls"]}}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": remote}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))
    s3, client = object(), aws.client("sagemaker")
    parts = workflow(aws.session, aws.region, client, bucket="ours", s3=s3, own_config={"ImageUri": "ours"})

    with parts as (sdk, session):
        assert (s3, client, "ours") == (session.s3_resource, session.sagemaker_client, session.default_bucket())
        modules = session.sagemaker_config["SageMaker"]["PythonSDK"]["Modules"]
        assert {"ImageUri": "ours", "PreExecutionCommands": ["ls"]} == modules["RemoteFunction"]
        assert modules["TelemetryOptOut"]
        assert "x" == sdk.parameter(name="x").name
