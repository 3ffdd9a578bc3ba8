"""The deployer that exports a model, and serves what it exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("uvicorn")

from llmops_plugins.local.options import ExportedEndpointOptions
from llmops_plugins.local.server.exported import ExportedEndpoint
from llmops_sdk import GenerationOptions
from llmops_sdk.plugin import BaseModel, Context, HttpTransport, TextPrompt, TrainedModel

MakeContext = Callable[..., Context]


def test_what_is_exported_is_what_is_served(tiny_model: Path, make_context: MakeContext) -> None:
    """Base weights and those of a trainer; the endpoint reports what could explain other answers."""
    deployer, context = ExportedEndpoint(ExportedEndpointOptions(device="cpu", dtype="float32")), make_context()
    base = BaseModel("huggingface", str(tiny_model))
    assert context.home in deployer.find_weights(context, base).folder.parents
    trained = TrainedModel("huggingface", str(tiny_model), base)
    assert deployer.find_weights(context, base).folder == deployer.find_weights(context, trained).folder
    (resource,) = deployer.resources(context, base)
    endpoint = deployer.deploy(context, base)
    transport = HttpTransport(endpoint)
    try:
        assert str(deployer.find_weights(context, base).folder) in (context.folder / "server.log").read_text()
        assert ("bfloat16, computed in float32", "1024", "<|im_end|>") == tuple(
            endpoint.metadata[key] for key in ("number format", "context length", "EOS")
        )
        assert 12 == len(endpoint.metadata["chat template"])
        assert transport.send(TextPrompt("one two"), GenerationOptions(max_new_tokens=3)).output
    finally:
        transport.close()
        deployer.delete(context, resource)
