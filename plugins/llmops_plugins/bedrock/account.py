"""The AWS account that is asked: a session and its clients, as the settings name them. Creating it sends no request."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from llmops_plugins.bedrock.errors import no_credentials, no_region, translated_errors
from llmops_plugins.bedrock.settings import BedrockSettings

_API_KEY = "AWS_BEARER_TOKEN_BEDROCK"
"""The variable in which boto3 finds a key of Bedrock itself."""

_CONNECT_TIMEOUT = 10
_CALLS = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=15)


class Account:
    """One account and region.

    Args:
        settings: The settings of the plugin.
    """

    def __init__(self, settings: BedrockSettings) -> None:
        self._settings = settings

    @cached_property
    def session(self) -> Any:
        """The boto3 session.

        Raises:
            UserError: There is no such profile.
        """
        with translated_errors("AWS session"):
            return boto3.Session(profile_name=self._settings.profile or None, region_name=self._settings.region or None)

    @cached_property
    def region(self) -> str:
        """The region.

        Raises:
            UserError: No region is set.
        """
        region = self.session.region_name
        if not region:
            raise no_region()
        return str(region)

    @property
    def credentials(self) -> str:
        """Where the credentials come from.

        Raises:
            UserError: There are none, or they cannot be read.
        """
        if os.environ.get(_API_KEY):
            return f"an API key in {_API_KEY}"
        with translated_errors("AWS credentials"):
            credentials = self.session.get_credentials()
            if credentials is None:
                raise no_credentials()
            credentials.get_frozen_credentials()
        return f"credentials by {credentials.method}"

    def catalogue(self) -> Any:
        """Return a client that lists models."""
        with translated_errors("Bedrock"):
            return self.session.client("bedrock", region_name=self.region, config=_CALLS)

    def runtime(self, *, connections: int, read_timeout: float) -> Any:
        """Return a client that asks models. It repeats nothing: the core does, with its own limits.

        Args:
            connections: Kept open.
            read_timeout: Seconds to wait for an answer.
        """
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            connect_timeout=_CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            max_pool_connections=connections,
        )
        with translated_errors("Bedrock"):
            return self.session.client("bedrock-runtime", region_name=self.region, config=config)
