"""The form of specifications: the published ones are known, and another one is named with the fields that it has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3")

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.emulator.metadata import jumpstart_files
from llmops_plugins.sagemaker.jumpstart.check import check_model
from llmops_plugins.sagemaker.jumpstart.form import check_form
from llmops_plugins.sagemaker.jumpstart.spec import MANIFEST, UnreachableError, read_spec
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import UserError
from llmops_sdk.plugin import BaseModel

from ..fixtures import MODEL_ID, REGION

PUBLISHED = (
    "meta-textgeneration-llama-2-7b-f_specs_v2.0.4.json",
    "meta-textgeneration-llama-2-7b_specs_v3.0.0.json",
    "minimal_llama-2-7b_2.0.4.json",
)
ITEMS = {"name": "epoch", "default": 1}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_specifications_are_known(name: str, real_data: Callable[[str], Path]) -> None:
    """Two are JumpStart's own; so are the configurations that it publishes."""
    data = json.loads(real_data(f"jumpstart/{name}").read_bytes())
    spec = data.get("spec", data)
    for part in ("inference_configs", "inference_config_rankings", "training_configs", "training_config_rankings"):
        spec = {**spec, **json.loads(real_data(f"jumpstart/{part}_v2.257.6.json").read_bytes())}

    assert spec == check_form(spec, MODEL_ID, "2.0.4")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([1], "is no object but a list, so its form is not known here; use another version"),
        ({"Id": "x", "SchemaVersion": "9"}, "lacks model_id, version, so its form is not known here; it has: Id, SchemaVersion; use"),
        ({"version": 2}, "lacks model_id, version"),
        ({"hyperparameters": {"epoch": ITEMS}}, "has another kind of hyperparameters, so"),
        ({"hyperparameters": [ITEMS, {"name": "seed"}]}, "has another kind of hyperparameters, so"),
        ({"metrics": ["loss"]}, "has another kind of metrics, so"),
        ({"deploy_kwargs": []}, None),
        ({"deploy_kwargs": ["x"], "metrics": "x"}, "has another kind of deploy_kwargs, metrics, so"),
        ({"hosting_instance_type_variants": ["g5"]}, "has another kind of hosting_instance_type_variants, so"),
        ({"training_instance_type_variants": {"variants": {"g5": "x"}}}, "has another kind of training_instance_type_variants"),
        ({"training_instance_type_variants": {"variants": {"g5": {"properties": ["x"]}}}}, "has another kind of training_instance"),
        ({"training_instance_type_variants": {"variants": {"g5": {"properties": {"metrics": ["x"]}}}}}, "has another kind of training_"),
        ({"training_instance_type_variants": {"variants": {"g5": {"regional_properties": {"image_uri": {}}}}}}, "has another kind of training_"),
        ({"training_instance_type_variants": {"variants": {"g5": {"regional_properties": None}}}, "metrics": None}, None),
        ({"training_configs": ["big"]}, "has another kind of training_configs, so"),
        ({"inference_configs": {"fast": {"component_names": "fast"}}}, "has another kind of inference_configs, so"),
        ({"inference_config_components": {"fast": {"metrics": {}}}, "metrics": []}, None),
        ({"inference_config_components": {"fast": {"deploy_kwargs": "x"}}}, "has another kind of inference_config_components.deploy_kwargs"),
        ({"training_config_rankings": {"overall": {"rankings": "big"}}}, "has another kind of training_config_rankings, so"),
    ],
)  # fmt: skip
def test_another_form_is_one_line(data: Any, problem: str | None) -> None:
    """It names what differs and the fields that there are; what is absent or null is no other form."""
    if isinstance(data, dict) and not data.keys() & {"Id", "version"}:
        data = {"model_id": MODEL_ID, "version": "6.0.0", **data}
    if problem is None:
        assert data == check_form(data, MODEL_ID, "6.0.0")
        return
    with pytest.raises(UserError) as caught:
        check_form(data, MODEL_ID, "6.0.0")

    assert str(caught.value).startswith(f"the specification of JumpStart's '{MODEL_ID}' 6.0.0 {problem}")
    assert "\n" not in str(caught.value)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The files of a specification 6.0.0 in folders, by their keys."""
    files = {}
    for key, text in jumpstart_files({MODEL_ID: "6.*"}, REGION).items():
        files[key] = tmp_path / key
        files[key].parent.mkdir(parents=True, exist_ok=True)
        files[key].write_bytes(text)
    for name in ("MANIFEST", "SPECS"):
        monkeypatch.setenv(f"AWS_JUMPSTART_{name}_LOCAL_ROOT_DIR_OVERRIDE", str(tmp_path))
    return files


def test_a_specification_is_checked_where_it_is_read(published: dict[str, Path]) -> None:
    """By its ID and version in the list of models; a file that is no JSON cannot be read now, and may be later."""
    aws = Aws(SageMakerSettings(region=REGION))
    listed, spec = published[MANIFEST], next(path for key, path in published.items() if key != MANIFEST)
    base = BaseModel("jumpstart", MODEL_ID, "6.*", {"accept_eula": "true"})
    assert "6.0.0" == check_model(aws, base).version

    spec.write_text('{"Id": "x"}')
    with pytest.raises(
        UserError, match=f"^the specification of JumpStart's '{MODEL_ID}' 6.0.0 lacks model_id, version"
    ):
        read_spec(aws, MODEL_ID, "6.*")
    spec.write_text("<html>")
    with pytest.raises(UnreachableError, match=r"^JumpStart's file 'community_models/.*json' is not JSON$"):
        check_model(aws, attrs.evolve(base, version="*"))
    for text in ("{}", '["x"]', '[{"model_id": "x"}]'):
        listed.write_text(text)
        with pytest.raises(
            UserError, match=r"list of models, 'models_manifest.json', has a form that is not known here"
        ):
            read_spec(aws, MODEL_ID, "6.*")
