"""Sends requests to a model of Bedrock."""

from __future__ import annotations

from typing import Any

from llmops_plugins.bedrock.errors import translated_errors
from llmops_plugins.bedrock.options import BedrockOptions
from llmops_plugins.bedrock.replies import parse_reply
from llmops_plugins.bedrock.requests import converse_request
from llmops_sdk.plugin import Answer, GenerationOptions, Prompt, Transport


class BedrockTransport(Transport):
    """Asks one model.

    Args:
        client: The boto3 client of Bedrock's runtime.
        model: Its ID or ARN.
        options: How it is asked.
    """

    def __init__(self, client: Any, model: str, options: BedrockOptions) -> None:
        self._client = client
        self._model = model
        self._options = options

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Ask once."""
        request = converse_request(self._model, prompt, generation, self._options)
        with translated_errors(f"Bedrock model {self._model!r}"):
            reply = self._client.converse(**request)
        return parse_reply(reply)

    def close(self) -> None:
        """Close connections."""
        self._client.close()
