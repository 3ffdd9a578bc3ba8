"""The account: credentials and region from the settings, or from boto3's own chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.bedrock.account import Account
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_sdk import UserError

from .bedrock_server import BedrockServer


def test_region_and_credentials_come_from_boto3s_chain(bedrock: BedrockServer) -> None:  # noqa: ARG001 - the environment
    """Unless the settings name a region."""
    assert "eu-west-1" == Account(BedrockSettings()).region
    assert "us-west-2" == Account(BedrockSettings(region="us-west-2")).region
    assert "credentials by env" == Account(BedrockSettings()).credentials


def test_a_profile_has_region_and_credentials(
    no_account: None,  # noqa: ARG001 - the environment
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the AWS command line writes them."""
    config = tmp_path / "config"
    config.write_text("[profile team]\nregion = ap-south-1\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    account = Account(BedrockSettings(profile="team"))

    assert "ap-south-1" == account.region
    assert account.credentials.startswith("credentials by ")
    with pytest.raises(UserError, match=r"\(other\) could not be found"):
        _ = Account(BedrockSettings(profile="other")).session


def test_an_api_key_of_bedrock_needs_no_other_credentials(
    no_account: None,  # noqa: ARG001 - the environment
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its value is not shown."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "s3cret")

    assert "an API key in AWS_BEARER_TOKEN_BEDROCK" == Account(BedrockSettings(region="us-east-1")).credentials


def test_what_is_missing_is_named(no_account: None) -> None:  # noqa: ARG001 - the environment
    """With how to set it."""
    with pytest.raises(UserError, match=r"there are no AWS credentials: run 'aws configure'"):
        _ = Account(BedrockSettings(region="us-east-1")).credentials
    with pytest.raises(UserError, match=r"no AWS region is set: with_settings\('bedrock', region='us-east-1'\)"):
        _ = Account(BedrockSettings()).region
