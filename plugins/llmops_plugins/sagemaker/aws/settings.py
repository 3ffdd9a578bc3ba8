"""Where and as whom the sagemaker plugin works: `with_settings("sagemaker", ...)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Context, from_json, option

PLUGIN = "sagemaker"
OWN_TAGS = "llmops:"
"""Tags with this beginning are the project's own: by them a sweep knows what it may delete."""

_ROLE = r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+|[\w+=,.@-]{1,64}"
_MOST_TAGS = 40  # SageMaker allows 50, and JumpStart and this plugin add some


def _form(pattern: str, wanted: str) -> Any:
    """Return a validator for a text that may be empty."""

    def check(_instance: object, attribute: Any, value: str) -> None:
        if value and not re.fullmatch(pattern, value):
            message = f"{attribute.name} must be {wanted}, not {value!r}"
            raise ValueError(message)

    return check


@attrs.frozen(kw_only=True)
class SageMakerSettings:
    """Settings of the sagemaker plugin. What is empty is left to boto3's own chain and the user's SageMaker config."""

    profile: str = option("", help="the AWS profile; by default boto3's own choice")
    region: str = option(
        "",
        help="the AWS region; by default the profile's or AWS_DEFAULT_REGION",
        validator=_form(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as 'us-east-1'"),
    )
    role: str = option(
        "",
        help="the execution role of jobs and endpoints: its ARN or name",
        validator=_form(_ROLE, "a role's ARN ('arn:aws:iam::111122223333:role/NAME') or its name"),
    )
    bucket: str = option(
        "",
        help="for data and models; by default the account's SageMaker bucket, made where it is missing",
        validator=_form(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name alone, without 's3://' and folders"),
    )
    prefix: str = option(
        "llmops",
        help="the beginning of all keys in the bucket",
        validator=_form(r"[\w.-]+(/[\w.-]+)*", "a key's beginning such as 'team/llmops'"),
    )
    kms_key: str = option("", help="the KMS key of data, volumes and models: its id or ARN")
    subnets: tuple[str, ...] = option((), help="the VPC's subnets for jobs and endpoints; with security_groups")
    security_groups: tuple[str, ...] = option((), help="the VPC's security groups; with subnets")
    tags: Mapping[str, str] = option(factory=dict, help="put on all that is created")
    image_uri: str = option("", help="the image in which the steps of executor 'sagemaker' run")
    expire_hours: float = option(
        24.0, help="after so many hours a sweep may take what is left for forgotten", validator=validators.gt(0)
    )

    def __attrs_post_init__(self) -> None:
        """Check what concerns more than one setting.

        Raises:
            ValueError: Says which and why.
        """
        if bool(self.subnets) != bool(self.security_groups):
            message = "subnets and security_groups are given together or not at all"
            raise ValueError(message)
        for name in self.tags:
            if name.startswith((OWN_TAGS, "aws:")) or not name:
                message = f"tags may not begin with {OWN_TAGS!r} or 'aws:': {name!r}"
                raise ValueError(message)
        if len(self.tags) > _MOST_TAGS:
            message = f"tags may be {_MOST_TAGS} at the most"
            raise ValueError(message)

    @classmethod
    def of(cls, context: Context) -> SageMakerSettings:
        """Return the settings a step was given."""
        return cls.from_mapping(context.settings.get(PLUGIN, {}))

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> SageMakerSettings:
        """Return the settings from their JSON, which `build()` has checked."""
        settings: SageMakerSettings = from_json(dict(given), cls)
        return settings
