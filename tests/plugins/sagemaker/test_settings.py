"""The settings of the plugin."""

from __future__ import annotations

import pytest

from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin.registry import Registry

VPC = {"subnets": ["subnet-1"], "security_groups": ["sg-1"]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"regoin": "us-east-1"}, "there is no 'regoin'; did you mean 'region'?"),
        ({"region": "virginia"}, "region must be a region such as 'us-east-1', not 'virginia'"),
        ({"role": "arn:aws:iam::1:user/me"}, "role must be the ARN"),
        ({"bucket": "s3://mine/runs"}, "bucket must be the name of a bucket, without 's3://' and folders"),
        ({"prefix": "/runs/"}, "prefix must be folders such as 'team/llmops', not '/runs/'"),
        ({"subnets": ["subnet-1"]}, "subnets and security_groups must be set together"),
        ({"subnets": "subnet-1"}, "expected a list, found 'subnet-1'"),
        ({"tags": {"llmops:run-id": "x"}}, "a tag must not start with 'llmops:' or 'aws:': 'llmops:run-id'"),
        ({"tags": {f"t{n}": "x" for n in range(41)}}, "there are 41 tags: 40 are allowed, as SageMaker allows 50"),
        ({"tags": {"team": "R&D (ml)"}}, "the value of tag 'team' has '&', '(', ')': AWS allows letters, digits"),
        ({"tags": {"team": "ml\n"}}, "the value of tag 'team' has '\\n': AWS allows letters, digits"),
        ({"tags": {"<team>": "ml"}}, "the name of tag '<team>' has '<', '>': AWS allows letters, digits"),
        ({"tags": {"team": "x" * 257}}, "the value of tag 'team' has 257 characters: AWS allows 256"),
        ({"tags": {"x" * 129: "ml"}}, f"the name of tag '{'x' * 40}...' has 129 characters: AWS allows 128"),
        ({"kms_key": "key (mine)"}, "kms_key must be the ID or ARN of a KMS key"),
        ({"image_uri": "x" * 256}, "image_uri must be the address of an image with at most 255 characters"),
        ({"subnets": ["a_b"], "security_groups": ["sg-1"]}, "subnets must be at most 32 letters, digits and hyphens"),
        ({"subnets": ["s"] * 17, "security_groups": ["sg-1"]}, "subnets has 17 IDs: SageMaker allows 16"),
        ({"subnets": ["s"], "security_groups": ["sg-1"] * 6}, "security_groups has 6 IDs: SageMaker allows 5"),
        ({"expire_hours": 0}, "'expire_hours' must be > 0"),
    ],
)
def test_build_refuses_a_wrong_setting(settings: dict[str, object], message: str, registry: Registry) -> None:
    """The error names the setting and its form."""
    with pytest.raises(SpecError) as caught:
        Pipeline.builder().with_model("echo").with_evaluator("echo-score").with_settings("sagemaker", **settings).build(
            registry
        )

    assert message in str(caught.value)
    assert str(caught.value).startswith("settings of 'sagemaker': ")
    assert "\n" not in str(caught.value)


def test_the_plan_has_only_the_given_settings(registry: Registry) -> None:
    """The plugin adds the defaults when it reads them."""
    settings = {"region": "eu-west-1", "tags": {"team": "nlp"}, **VPC}

    plan = (
        Pipeline.builder()
        .with_model("echo")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **settings)
        .build(registry)
    )

    assert settings == plan.settings["sagemaker"]
    read = SageMakerSettings.from_mapping(plan.settings["sagemaker"])
    assert ("eu-west-1", ("subnet-1",), "llmops") == (read.region, read.subnets, read.prefix)


def test_tags_that_aws_allows_are_accepted(registry: Registry) -> None:
    """Letters and digits of every script, spaces, and the longest names and values."""
    tags = {"équipe": "R+D: 研究/ml_1=a@b.c-d", "x" * 128: "y" * 256, "empty": ""}

    plan = (
        Pipeline.builder()
        .with_model("echo")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", tags=tags)
        .build(registry)
    )

    assert tags == SageMakerSettings.from_mapping(plan.settings["sagemaker"]).tags
