"""The metadata that JumpStart publishes."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart.spec import Hyperparameter, read_spec
from llmops_sdk import SpecError, UserError
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, Edit
from .pipelines import tuned

pytestmark = pytest.mark.usefixtures("jumpstart")


def test_the_catalogue_is_read_from_jumpstarts_bucket(
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """List and specification come from the bucket of the region by default."""
    root = tmp_path / "jumpstart"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="jumpstart-cache-prod-us-east-1")
    for path in root.rglob("*.json"):
        s3.upload_file(str(path), "jumpstart-cache-prod-us-east-1", str(path.relative_to(root)))
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")

    with pytest.raises(SpecError, match="there is no 'epocs'; did you mean 'epoch'"):
        tuned(epocs="1").build(registry)


def test_a_file_is_downloaded_again_only_if_it_changed(
    aws: Aws, jumpstart: Edit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 is asked each time whether it did."""
    s3, bucket = boto3.client("s3"), "jumpstart-cache-prod-us-east-1"
    s3.create_bucket(Bucket=bucket)

    def upload() -> None:
        for path in (tmp_path / "jumpstart").rglob("*.json"):
            s3.upload_file(str(path), bucket, str(path.relative_to(tmp_path / "jumpstart")))

    upload()
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")
    first = read_spec(aws, MODEL_ID, "4.*").data
    assert first is read_spec(Aws(aws.settings), MODEL_ID, "4.*").data
    jumpstart("4.0.0", training_supported=False)
    upload()
    assert not read_spec(aws, MODEL_ID, "4.*").trainable


@pytest.mark.parametrize(
    ("pattern", "version"), [("*", "4.0.0"), ("2.*", "2.0.4"), ("2.0.4", "2.0.4"), ("4.0.*", "4.0.0")]
)
def test_the_newest_matching_version_is_read(pattern: str, version: str, aws: Aws) -> None:
    """Versions 2 of the article's model are gated model packages."""
    spec = read_spec(aws, MODEL_ID, pattern)

    assert (MODEL_ID, version, True) == (spec.model_id, spec.version, spec.gated)
    assert (version == "2.0.4") == spec.needs_licence_in_requests


def test_a_package_of_a_configuration_needs_the_licence_in_requests(aws: Aws, jumpstart: Edit) -> None:
    """Where it is the configuration of the base model, and has a package for the region."""
    for version, region in (("4.2.0", "us-east-1"), ("4.3.0", "eu-west-1")):
        package = {"hosting_model_package_arns": {region: "arn:p"}}
        configurations = {"inference_configs": {"c": {"component_names": ["c"]}}}
        jumpstart(version, **configurations, inference_config_components={"c": package})

    assert read_spec(aws, MODEL_ID, "4.2.0").needs_licence_in_requests
    assert not read_spec(aws, MODEL_ID, "4.3.0").needs_licence_in_requests


def test_versions_are_compared_as_numbers(aws: Aws, jumpstart: Edit) -> None:
    """4.10 is newer than 4.9; a version that needs a newer SDK is skipped."""
    for version, needed in (("4.9.0", "2.0.0"), ("4.10.0", "2.0.0"), ("4.11.0", "2.999.0")):
        jumpstart(version, min_version=needed)

    assert "4.10.0" == read_spec(aws, MODEL_ID, "4.*").version


def test_an_unknown_model_or_version_is_an_error(aws: Aws) -> None:
    """The error names similar models, or the versions that exist."""
    with pytest.raises(UserError, match=f"did you mean '{MODEL_ID}'"):
        read_spec(aws, f"{MODEL_ID}x", "*")
    with pytest.raises(UserError, match=r"has no version '9\.\*'; available: 2\.0\.4, 4\.0\.0"):
        read_spec(aws, MODEL_ID, "9.*")


@pytest.mark.parametrize(
    ("type_", "bounds", "value", "problem"),
    [
        ("int", {"above": 0}, "0", "'x' must be more than 0, not '0'"),
        ("float", {"below": 1}, "1", "'x' must be less than 1, not '1'"),
        ("text", {"low": 2}, "a", "the length of 'x' must be at least 2, not 'a'"),
        ("bool", {}, "yes", "'x' must be True or False, not 'yes'"),
        ("bool", {}, "true", ""),
        ("int", {"low": 1, "high": 3}, "3", ""),
    ],
)
def test_values_of_hyperparameters_are_checked(type_: str, bounds: dict[str, float], value: str, problem: str) -> None:
    """By type and bounds; an empty text means no problem."""
    limits = {"low": None, "high": None, "above": None, "below": None, **bounds}

    assert problem == Hyperparameter(name="x", type=type_, default="", options=(), **limits).problem(value)
