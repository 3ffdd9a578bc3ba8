"""The checks of a JumpStart model that is served."""

from __future__ import annotations

import attrs
import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.endpoint.check import Served, serving_checks, serving_instance
from llmops_plugins.sagemaker.names import ACCEPT_EULA
from llmops_sdk.planning.preflight import preflight_checks, run_check
from llmops_sdk.plugin import BaseModel, Finding
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, Edit
from ..jumpstart.pipelines import CONFIGURATIONS, tuned

BASE = BaseModel("jumpstart", MODEL_ID, "4.*", parameters={ACCEPT_EULA: "true"})


def found(aws: Aws, served: Served, *, image_uri: str = "", instance_type: str = "") -> Finding:
    (check, *_) = serving_checks(aws, served, instance_type, image_uri)
    kind = "serving" if served.trained_on is None else "serving of fine-tuned weights"
    assert f"{kind} of JumpStart's {MODEL_ID} {served.base.version}" == check.name.split(" on ")[0]
    return run_check(check)


def test_a_model_with_image_and_weights_passes(aws: Aws) -> None:
    """Base weights of 4.* are an archive, those of 2.* a package; fine-tuned weights need neither."""
    licence = "its licence is accepted, in us-east-1"
    assert Finding("ok", f"4.0.0, {licence}") == found(aws, Served(BASE))
    assert Finding("ok", f"4.0.0, {licence}") == found(aws, Served(BASE, "ml.g5.12xlarge"))


def test_what_a_specification_lacks_is_an_error(aws: Aws, jumpstart: Edit) -> None:
    """Image, weights, or a field, which are named."""
    assert "names no image for hosting on 'ml.c5.large'" in found(aws, Served(BASE), instance_type="ml.c5.large").text
    assert "ok" == found(aws, Served(BASE), instance_type="ml.c5.large", image_uri="registry/image:1").status
    jumpstart("5.0.0", hosting_prepacked_artifact_key=None)
    of_5 = attrs.evolve(BASE, version="5.*")
    assert "has no artifact that can be served as it is in us-east-1" in found(aws, Served(of_5)).text
    assert "ok" == found(aws, Served(of_5, "")).status
    jumpstart("6.0.0", hosting_instance_type_variants=None)
    unknown = found(aws, Served(attrs.evolve(BASE, version="6.*")))
    assert "lacks hosting_instance_type_variants for hosting, so its form is not known here; it has: " in unknown.text
    assert "error" == unknown.status


def test_a_package_of_other_regions_is_an_error(aws: Aws, jumpstart: Edit) -> None:
    """Only for the base weights."""
    jumpstart("7.0.0", hosting_model_package_arns={"eu-west-1": "arn:p"})
    of_7 = attrs.evolve(BASE, version="7.*")
    assert "served from a model package, which us-east-1 lacks" in found(aws, Served(of_7)).text
    assert "ok" == found(aws, Served(of_7, "")).status


def test_the_instance_of_fine_tuned_weights_is_that_of_their_configuration(
    aws: Aws, jumpstart: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is empty if the specification cannot be read or there is none, which another check reports."""
    jumpstart("8.0.0", **CONFIGURATIONS)
    of_8 = attrs.evolve(BASE, version="8.*")
    assert "ml.g5.2xlarge" == serving_instance(aws, Served(of_8))
    assert "ml.g5.12xlarge" == serving_instance(aws, Served(of_8, ""))
    assert "" == serving_instance(aws, Served(attrs.evolve(BASE, source="nothing")))

    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "" == serving_instance(Aws(aws.settings), Served(of_8))


def test_the_preflight_of_fine_tuned_weights_names_their_instance(jumpstart: Edit, registry: Registry) -> None:
    """The quota of the type on which they are served is checked, and not that of the base weights."""
    jumpstart("4.0.0", **CONFIGURATIONS)

    names = [check.name for check in preflight_checks(tuned().build(registry), registry)]

    assert "quota ml.g5.12xlarge for endpoint usage" in names
    assert "quota ml.g5.2xlarge for endpoint usage" not in names
    assert f"serving of fine-tuned weights of JumpStart's {MODEL_ID} 4.0.0 on ml.g5.12xlarge" in names
