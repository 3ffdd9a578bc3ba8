"""The settings of the sagemaker plugin, `with_settings("sagemaker", ...)`: account, region, role, bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.limits import check_tags
from llmops_sdk.plugin import Context, Plan, from_json, option

PLUGIN = "sagemaker"
OWN_TAGS = "llmops:"
"""The prefix of the project's own tags: `llmops gc` deletes only resources that have them."""

_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9_+=,.@/-]{1,2000}|[A-Za-z0-9_+=,.@-]{1,64}"
_KMS_KEY = r"[a-zA-Z0-9:/_-]{1,2048}"
_IMAGE = r".{1,255}"
_VPC_ID = re.compile(r"[-0-9a-zA-Z]{1,32}")
_MOST_SUBNETS, _MOST_SECURITY_GROUPS = 16, 5
_MAX_TAGS = 40  # SageMaker allows 50, and JumpStart and this plugin add some


def _ids(most: int) -> Any:
    """Return a validator of IDs in a VPC, of which SageMaker takes at most `most`."""

    def check(_instance: object, attribute: Any, values: tuple[str, ...]) -> None:
        if len(values) > most:
            message = f"{attribute.name} has {len(values)} IDs: SageMaker allows {most}"
            raise ValueError(message)
        for value in values:
            if not _VPC_ID.fullmatch(value):
                message = f"{attribute.name} must be at most 32 letters, digits and hyphens each, not {value!r}"
                raise ValueError(message)

    return check


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
    bucket_owner: str = option(
        "",
        help="account that the bucket belongs to; default: the account of the credentials. S3 refuses requests otherwise",
        validator=_matches(r"\d{12}", "an account of 12 digits"),
    )
    prefix: str = option(
        "llmops",
        help="prefix of all keys in the bucket",
        validator=_matches(r"[\w.-]+(/[\w.-]+)*", "folders such as 'team/llmops'"),
    )
    kms_key: str = option(
        "",
        help="KMS key of data, volumes and models: ID or ARN; local storage of an instance has a key of its own",
        validator=_matches(_KMS_KEY, "the ID or ARN of a KMS key: at most 2048 letters, digits and : / _ -"),
    )
    subnets: tuple[str, ...] = option(
        (), help="VPC subnets of jobs and endpoints; needs security_groups", validator=_ids(_MOST_SUBNETS)
    )
    security_groups: tuple[str, ...] = option(
        (), help="VPC security groups of jobs and endpoints; needs subnets", validator=_ids(_MOST_SECURITY_GROUPS)
    )
    tags: Mapping[str, str] = option(factory=dict, help="tags of all created resources")
    image_uri: str = option(
        "",
        help="image in which the steps of executor 'sagemaker' run",
        validator=_matches(_IMAGE, "the address of an image with at most 255 characters"),
    )
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
        check_tags(self.tags)
        if len(self.tags) > _MAX_TAGS:
            message = (
                f"there are {len(self.tags)} tags: {_MAX_TAGS} are allowed, as SageMaker allows 50 and ours are added"
            )
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
