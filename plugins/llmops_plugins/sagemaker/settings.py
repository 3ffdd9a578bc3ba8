"""The settings of the sagemaker plugin, `with_settings("sagemaker", ...)`: account, region, role, bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Context, Plan, from_json, option

PLUGIN = "sagemaker"
OWN_TAGS = "llmops:"
"""The prefix of the project's own tags: `llmops gc` deletes only resources that have them."""

_ROLE = r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+|[\w+=,.@-]{1,64}"
_MAX_TAGS = 40  # SageMaker allows 50, and JumpStart and this plugin add some


def _matches(pattern: str, description: str) -> Any:
    """Return a validator of a text, which may be empty."""

    def check(_instance: object, attribute: Any, value: str) -> None:
        if value and not re.fullmatch(pattern, value):
            message = f"{attribute.name} must be {description}, not {value!r}"
            raise ValueError(message)

    return check


@attrs.frozen(kw_only=True)
class SageMakerSettings:
    """Settings of the sagemaker plugin. For an empty one, boto3's own chain and the user's SageMaker config apply."""

    profile: str = option("", help="AWS profile; default: chosen by boto3")
    region: str = option(
        "",
        help="AWS region; default: of the profile, or AWS_DEFAULT_REGION",
        validator=_matches(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as 'us-east-1'"),
    )
    role: str = option(
        "",
        help="execution role of jobs and endpoints: ARN or name",
        validator=_matches(_ROLE, "the ARN ('arn:aws:iam::111122223333:role/NAME') or the name of a role"),
    )
    bucket: str = option(
        "",
        help="bucket for data and models; default: the account's SageMaker bucket, created if missing",
        validator=_matches(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, without 's3://' and folders"),
    )
    prefix: str = option(
        "llmops",
        help="prefix of all keys in the bucket",
        validator=_matches(r"[\w.-]+(/[\w.-]+)*", "folders such as 'team/llmops'"),
    )
    kms_key: str = option("", help="KMS key of data, volumes and models: ID or ARN")
    subnets: tuple[str, ...] = option((), help="VPC subnets of jobs and endpoints; needs security_groups")
    security_groups: tuple[str, ...] = option((), help="VPC security groups of jobs and endpoints; needs subnets")
    tags: Mapping[str, str] = option(factory=dict, help="tags of all created resources")
    image_uri: str = option("", help="image in which the steps of executor 'sagemaker' run")
    expire_hours: float = option(
        24.0, help="hours after which `llmops gc` may delete a leftover resource", validator=validators.gt(0)
    )

    def __attrs_post_init__(self) -> None:
        """Check the settings together.

        Raises:
            ValueError: Settings contradict each other, or a tag is not allowed.
        """
        if bool(self.subnets) != bool(self.security_groups):
            message = "subnets and security_groups must be set together"
            raise ValueError(message)
        for name in self.tags:
            if name.startswith((OWN_TAGS, "aws:")) or not name:
                message = f"a tag must not start with {OWN_TAGS!r} or 'aws:': {name!r}"
                raise ValueError(message)
        if len(self.tags) > _MAX_TAGS:
            message = f"at most {_MAX_TAGS} tags are allowed, not {len(self.tags)}"
            raise ValueError(message)

    @classmethod
    def of(cls, context: Context) -> SageMakerSettings:
        """Return the settings of a step."""
        return cls.from_mapping(context.settings)

    @classmethod
    def of_plan(cls, plan: Plan) -> SageMakerSettings:
        """Return the settings of a plan."""
        return cls.from_mapping(plan.settings.get(PLUGIN, {}))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SageMakerSettings:
        """Return the settings from their JSON form, which `build()` has checked."""
        settings: SageMakerSettings = from_json(dict(values), cls)
        return settings
