"""The fields of a JumpStart specification; `test_requests.py` compares the requests that are made of them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.jumpstart.fields import Fields, first_configuration, hosting_configuration
from llmops_sdk import UserError

DATA: dict[str, Any] = {
    "model_id": "m",
    "version": "1.0.0",
    "default_inference_instance_type": "ml.g5.2xlarge",
    "hosting_instance_type_variants": {
        "regional_aliases": {"us-east-1": {"gpu": "gpu:1", "inf": "inf:1"}},
        "variants": {
            "g5": {
                "regional_properties": {"image_uri": "$gpu"},
                "properties": {"metrics": [{"Name": "a", "Regex": "1"}]},
            },
            "ml.g5.48xlarge": {
                "regional_properties": {"image_uri": "$inf"},
                "properties": {"metrics": [{"Name": "a", "Regex": "2"}, {"Name": "b", "Regex": "3"}]},
            },
            "p4d": {"regional_properties": {"image_uri": "gpu:without-alias"}},
        },
    },
}


@pytest.mark.parametrize(("instance", "image"), [("ml.g5.2xlarge", "gpu:1"), ("ml.g5.48xlarge", "inf:1")])
def test_an_instance_type_comes_before_its_family(instance: str, image: str) -> None:
    """Its image, and each item of its lists."""
    fields = Fields.of(DATA, "us-east-1", "hosting")

    assert image == fields.image(instance)
    expected = {"a": "1"} if image == "gpu:1" else {"a": "2", "b": "3"}
    metrics = fields.items_of_instance(instance, "metrics")
    assert expected == {name: item["Regex"] for name, item in metrics.items()}


@pytest.mark.parametrize(
    ("region", "instance", "message"),
    [
        ("eu-north-1", "ml.g5.2xlarge", r"in eu-north-1 \(it has regions us-east-1\): set image_uri"),
        ("us-east-1", "ml.c5.large", r"'ml.c5.large' in us-east-1 \(choose another one\): set image_uri"),
        ("us-east-1", "ml.p4d.24xlarge", "set image_uri"),
        ("us-east-1", "nonsense", "set image_uri"),
    ],
)
def test_an_image_is_never_guessed(region: str, instance: str, message: str) -> None:
    """A region or an instance type without one is refused, with the option that sets one."""
    with pytest.raises(UserError, match=message):
        Fields.of(DATA, region, "hosting").image(instance)


def test_a_form_that_is_not_known_is_refused() -> None:
    """The message names what is missing, and what the specification has."""
    with pytest.raises(
        UserError, match=r"lacks default_inference_instance_type, .* it has: model_id, something, version"
    ):
        Fields.of({"model_id": "m", "version": "9.0.0", "something": 1}, "us-east-1", "hosting")


@pytest.mark.parametrize(
    ("configurations", "problem"),
    [
        ({}, "lacks the inference configuration 'fast', so its form is not known here"),
        ({"inference_configs": {"fast": {"component_names": ["one"]}}}, "lacks the component 'one' of .* 'fast', so"),
    ],
)
def test_a_configuration_that_is_missing_is_refused(configurations: dict[str, Any], problem: str) -> None:
    """The training configuration may name one that the specification lacks."""
    with pytest.raises(UserError, match=problem):
        Fields.of({**DATA, **configurations}, "us-east-1", "hosting", "fast")


def test_the_components_of_a_configuration_override_fields() -> None:
    """One after the other, mappings key by key; what identifies the model stays."""
    data = {
        **DATA,
        "deploy_kwargs": {"a": 1, "b": 1},
        "inference_configs": {"fast": {"component_names": ["one", "two"]}},
        "inference_config_components": {
            "one": {"deploy_kwargs": {"b": 2, "c": 2}, "version": "7"},
            "two": {"deploy_kwargs": {"c": 3}, "hosting_model_package_arns": {"us-east-1": "arn:p"}},
        },
        "inference_environment_variables": [{"name": "A", "default": "1"}],
    }
    fields = Fields.of(data, "us-east-1", "hosting", "fast")

    assert ({"a": 1, "b": 2, "c": 3}, "1.0.0") == (fields.get("deploy_kwargs"), fields.get("version"))
    assert ([], "arn:p") == (fields.get("inference_environment_variables"), fields.model_package("ml.g5.2xlarge"))


@pytest.mark.parametrize(
    ("data", "serving", "trained"),
    [
        ({}, "", ""),
        ({"inference_configs": {"b": {}, "a": {}}}, "a", "a"),
        (
            {
                "inference_configs": {"b": {}, "a": {}},
                "inference_config_rankings": {"overall": {"rankings": ["gone", "b", "a"]}},
                "training_configs": {"t": {"default_inference_config": "a"}},
            },
            "b",
            "a",
        ),
    ],
)
def test_the_first_configuration_is_that_of_the_ranking(data: dict[str, Any], serving: str, trained: str) -> None:
    """Without a ranking, the first by name. What was trained is served by the configuration that its training names."""
    assert serving == first_configuration(data, "hosting")
    assert (serving, trained) == tuple(hosting_configuration(data, is_tuned=is_tuned) for is_tuned in (False, True))
