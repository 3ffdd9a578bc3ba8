"""The deployer of the kit."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from llmops_sdk.plugin import BaseModel, EndpointError, GenerationOptions, TextPrompt, TrainedModel
from llmops_sdk.testing import EchoEndpoint, EchoEndpointOptions, make_context


def base(voice: str) -> BaseModel:
    return BaseModel(format="echo", source=voice)


@pytest.mark.parametrize(
    ("voice", "status", "text"), [("loud", 200, "HELLO"), ("quiet", 200, "hello"), ("mute", 400, "")]
)
def test_a_voice_is_served_until_it_is_deleted(
    voice: str, status: int, text: str, tmp_path: Path, asked: list[str]
) -> None:
    """The server listens on loopback, and its prompts are recorded."""
    deployer, context = EchoEndpoint(EchoEndpointOptions(concurrency=2)), make_context(tmp_path)

    endpoint = deployer.deploy(context, base(voice))
    response = httpx.post(endpoint.url, json={"inputs": "hello"})
    (resource,) = deployer.resources(context, base(voice))
    deployer.delete(context, resource)
    deployer.delete(context, resource)

    assert status == response.status_code
    assert text == (response.json()[0]["generated_text"] if status == 200 else "")
    assert ["hello"] == asked
    assert 2 == endpoint.concurrency
    with pytest.raises(httpx.ConnectError):
        httpx.post(endpoint.url, json={"inputs": "hello"})


def test_a_trained_voice_is_read_from_its_file(tmp_path: Path) -> None:
    """As the trainer of the kit leaves it."""
    deployer, context = EchoEndpoint(EchoEndpointOptions()), make_context(tmp_path)
    (tmp_path / "voice").write_text("quiet", encoding="utf-8")
    model = TrainedModel(format="echo", uri=str(tmp_path / "voice"), base=base("loud"))

    endpoint = deployer.deploy(context, model)
    deployer.delete(context, deployer.resources(context, model)[0])

    assert {"voice": "quiet"} == endpoint.metadata
    assert deployer.connect(context, endpoint) is None


def test_a_direct_voice_needs_no_server(tmp_path: Path) -> None:
    """Its transport answers in the asking thread."""
    deployer, context = EchoEndpoint(EchoEndpointOptions()), make_context(tmp_path)

    transport = deployer.connect(context, deployer.deploy(context, base("direct-1")))

    assert transport is not None
    assert "HELLO" == transport.send(TextPrompt("hello", ""), GenerationOptions()).output


def test_an_endpoint_that_exists_is_only_named(tmp_path: Path) -> None:
    """Nothing is started."""
    options = EchoEndpointOptions(url="http://127.0.0.1:1/invocations")

    assert options.url == EchoEndpoint(options).deploy(make_context(tmp_path), base("loud")).url


def test_a_voice_is_served_for_other_programs(tmp_path: Path) -> None:
    """Until it is stopped, which ends the wait for it."""
    server = EchoEndpoint(EchoEndpointOptions()).serve(make_context(tmp_path), base("loud"), name="loud", port=0)
    response = httpx.post(f"{server.url}/invocations", json={"inputs": "hello"})
    server.stop()
    server.stop()

    assert [{"generated_text": "HELLO"}] == [{"generated_text": item["generated_text"]} for item in response.json()]
    with pytest.raises(EndpointError, match="stopped"):
        server.wait()
