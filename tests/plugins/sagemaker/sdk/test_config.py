"""Calls of the SDK: their errors, and the user's config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.sdk.config import load_config, sdk_call
from llmops_sdk import UserError

from ..fixtures import Cloud, interrupt


def test_an_error_of_the_sdk_is_one_line() -> None:
    """It names what was made."""
    error = AttributeError("two\nlines")
    with pytest.raises(UserError, match=r"^pipeline: the SageMaker SDK refuses it: two lines$"), sdk_call("pipeline"):
        raise error


def test_the_users_config_is_validated(aws: Aws, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the SDK does not know is named with the nearest one; its value, which may be a secret, is not."""
    path = tmp_path / "config.yaml"
    config = {"SchemaVersion": "1.0", "SageMaker": {"TrainingJobs": {"a": "hidden"}}}
    path.write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(path))

    with (
        pytest.raises(
            UserError, match="the SageMaker SDK knows no 'TrainingJobs'; did you mean 'TrainingJob'"
        ) as caught,
        sdk_call("pipeline") as sdk,
    ):
        load_config(sdk, aws.session, aws.region)

    assert "hidden" not in str(caught.value)
    assert [] == cloud.created


def test_ctrl_c_is_raised_at_the_end_of_a_call() -> None:
    """The SDK may swallow it: its telemetry returns from a `finally`."""
    ended = []

    def call() -> None:
        with sdk_call("pipeline"):
            interrupt()
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        call()
    assert [True] == ended
