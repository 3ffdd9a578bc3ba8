"""The deployer: it creates nothing, and passes the limits on."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from llmops_plugins.bedrock.deployer import Bedrock
from llmops_plugins.bedrock.options import BedrockOptions
from llmops_sdk import EndpointError, GenerationOptions, UserError
from llmops_sdk.plugin import BaseModel, Context, Endpoint, TextPrompt, TrainedModel
from llmops_sdk.testing import make_context

from .bedrock_server import MODEL, BedrockServer

BASE = BaseModel("bedrock", MODEL)


@pytest.fixture(name="context")
def _context(tmp_path: Path) -> Context:
    """The context of a step with a network."""
    context = make_context(tmp_path / "step", settings={"region": "us-west-2"})
    return attrs.evolve(context, offline=False)


def test_an_endpoint_has_limits_and_the_region(bedrock: BedrockServer, context: Context) -> None:
    """It is asked with the plugin's settings, and owns nothing."""
    deployer = Bedrock(BedrockOptions(max_concurrency=3, requests_per_minute=100.0, tokens_per_minute=5000.0))

    endpoint = deployer.deploy(context, BASE)

    assert () == deployer.resources(context, BASE)
    assert (
        Endpoint(
            MODEL,
            concurrency=3,
            requests_per_minute=100.0,
            tokens_per_minute=5000.0,
            metadata={"model": MODEL, "region": "us-west-2"},
        )
        == endpoint
    )
    transport = deployer.connect(context, endpoint)
    assert transport is not None
    assert "HI" == transport.send(TextPrompt("hi"), GenerationOptions()).output
    transport.close()
    assert [MODEL] == [request["modelId"] for request in bedrock.requests]


def test_what_cannot_be_asked_is_refused(no_account: None, context: Context) -> None:  # noqa: ARG001 - the environment
    """An offline run, no credentials, or a trained model."""
    deployer = Bedrock(BedrockOptions())

    with pytest.raises(UserError, match="Bedrock needs the network, but this run is offline"):
        deployer.deploy(attrs.evolve(context, offline=True), BASE)
    with pytest.raises(UserError, match="there are no AWS credentials"):
        deployer.deploy(context, BASE)
    with pytest.raises(EndpointError, match="serves no trained model"):
        deployer.deploy(context, TrainedModel("x", "/x", BASE))
