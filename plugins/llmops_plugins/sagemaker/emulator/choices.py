"""What the client passes to the emulator, and how boto3 reaches the emulated account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import attrs
import boto3
import botocore.session
from botocore.config import Config

ACCOUNT = "123456789012"


@attrs.frozen(kw_only=True)
class EmulatorChoices:
    """The choices for one emulated account.

    Attributes:
        folder: Holds the files of the containers.
        python: The interpreter that runs the containers, in place of an image.
        region: The region.
        bucket: The bucket, which exists from the start.
        role: The ARN of the execution role.
        steps_at_a_time: Number of steps that run at the same time.
        install: Whether the steps install their requirements with pip.
        substitute: The card of the model that takes the place of JumpStart models.
        substitute_options: The options of that card.
        substitute_steps: Optimizer steps of an emulated training job.
        jumpstart: The JumpStart IDs of the plan, with the requested versions.
        quotas: The quotas of the account, by their names in Service Quotas.
    """

    folder: str
    python: str
    region: str
    bucket: str
    role: str
    steps_at_a_time: int
    install: bool
    substitute: str
    substitute_options: Mapping[str, Any]
    substitute_steps: int
    jumpstart: Mapping[str, str]
    quotas: Mapping[str, float] = attrs.field(factory=dict)


class EmulatedSession(boto3.Session):  # type: ignore[misc] # boto3 has no types
    """A boto3 session of the emulated account at a URL, without the user's credentials, configuration and proxies."""

    def __init__(self, url: str, region: str) -> None:
        no_files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
        session = botocore.session.Session(session_vars={"profile": (None, None, None, None), **no_files})
        session.set_default_client_config(Config(proxies={}, retries={"mode": "standard"}))
        super().__init__("rehearsal", "rehearsal", region_name=region, botocore_session=session)
        self._url = url

    def client(self, service_name: str, *arguments: Any, **options: Any) -> Any:
        return super().client(service_name, *arguments, **{**options, "endpoint_url": self._url})


def emulated_variables(url: str, region: str) -> dict[str, str]:
    """Return the environment variables with which boto3 reaches the emulated account at a URL, and no other."""
    return {
        "AWS_ACCESS_KEY_ID": "rehearsal",
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
