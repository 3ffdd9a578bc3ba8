"""The line 2.x of the SDK; `test_line.py` tests what is the same for both."""

from __future__ import annotations

import pytest

from llmops_plugins.sagemaker.sdk.v2 import Line2

from ..fixtures import has_sdk_2

pytestmark = [pytest.mark.sdk, pytest.mark.skipif(not has_sdk_2(), reason="the SageMaker SDK 2.x is not installed")]


def test_its_classes_are_those_of_workflow() -> None:
    """The names that it has had since 2.0."""
    sdk = Line2()
    sdk.load()

    assert "sagemaker.workflow.pipeline" == sdk.parts().pipeline.__module__
