"""The image of the steps: its Python must be that of the client."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.pipeline import image as images
from llmops_plugins.sagemaker.sdk import installed
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import SpecError

from ..fixtures import SETTINGS, Cloud

PYTORCH = "1.dkr.ecr.x/pytorch-training"


def account(image: str) -> Aws:
    return Aws(SageMakerSettings.from_mapping({**SETTINGS, "image_uri": image}))


@pytest.mark.parametrize(
    ("image", "python", "sdk", "status", "text"),
    [
        ("", (3, 10), "2.253.1", "ok", "the image of SageMaker; Python 3.10"),
        ("", (3, 11), "2.253.1", "error", "SageMaker has no image for steps in Python 3.11"),
        (f"{PYTORCH}:2.0.0-gpu-py310", (3, 11), "2.253.1", "error", "has Python 3.10, but this program runs in 3.11"),
        (f"{PYTORCH}:2.6.0-gpu-py311", (3, 11), "2.257.7", "ok", "Python 3.11, sagemaker 2.257.7"),
        ("1.dkr.ecr.x/mine:1", (3, 12), "2.257.7", "ok", "mine:1"),
        (
            "1.dkr.ecr.x/mine:1",
            (3, 12),
            "2.256.0",
            "error",
            "sagemaker 2.256.0 is installed, whose remote functions cannot run",
        ),
    ],
)
def test_the_image_must_have_the_clients_python(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    image: str,
    python: tuple[int, int],
    sdk: str,
    status: str,
    text: str,
) -> None:
    """Functions are pickled, which needs the same minor version; every error has a hint."""
    del cloud
    check = images.image_check(account(image))
    monkeypatch.setattr(sys, "version_info", (*python, 1, "final", 0))
    monkeypatch.setattr(images, "version", lambda: sdk)
    monkeypatch.setattr(installed, "version", lambda: sdk)
    monkeypatch.setattr(installed, "_version", lambda _name: "")
    finding = check.run()

    assert status == finding.status
    assert text in finding.text
    assert finding.hint or status == "ok" or "pip install" in finding.text


def test_the_hint_names_the_script_that_builds_an_image(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script is part of the documentation."""
    del cloud
    check = images.image_check(account(""))
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    hint = check.run().hint
    (script,) = re.findall(r"\S+\.sh", hint)

    assert (Path(__file__).parents[4] / script).exists()
    assert "Python 3.12" in hint


def test_a_missing_image_is_an_error_when_compiling(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker has its own image for Python 3.10, and none for 3.12."""
    del cloud
    aws = account("")
    monkeypatch.setattr(sys, "version_info", (3, 10, 1, "final", 0))
    assert "" == images.step_image(aws)
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    with pytest.raises(SpecError, match=r"no image for steps in Python 3\.12: use an image that contains Python 3\.12"):
        images.step_image(aws)
