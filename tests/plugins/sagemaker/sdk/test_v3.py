"""The line 3.x of the SDK; `test_line.py` tests what is the same for both."""

from __future__ import annotations

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.sdk.v3 import Line3

from ..fixtures import has_sdk_2

pytestmark = [pytest.mark.sdk, pytest.mark.skipif(has_sdk_2(), reason="the SageMaker SDK 3.x is not installed")]


def test_it_is_imported_with_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes sessions of boto3 while it is imported; our sessions have the profile of the settings."""
    monkeypatch.setenv("AWS_PROFILE", "missing")
    sdk = Line3()
    sdk.load()

    assert "sagemaker.mlops.workflow.pipeline" == sdk.parts().pipeline.__module__
