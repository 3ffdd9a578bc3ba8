"""A deployer whose endpoints answer with the prompt."""

from __future__ import annotations

import threading
import zlib
from functools import partial
from pathlib import Path
from typing import ClassVar, NoReturn

from llmops_sdk.errors import EndpointError
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Deployer, ModelServer, Transport
from llmops_sdk.testing.endpoint import InstantEndpoint, Refusal
from llmops_sdk.testing.options import EchoEndpointOptions
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.models import BaseModel, ServableModel
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.resources import Endpoint, Resource


class EchoEndpoint(Deployer):
    """Serves a voice from a thread of this process, or points to an endpoint that exists already."""

    options: EchoEndpointOptions

    asked: ClassVar[list[str]] = []
    """The prompts that all endpoints of this process received."""
    _serving: ClassVar[dict[str, InstantEndpoint]] = {}

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return the server."""
        return (Resource("echo", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start the server."""
        name, options = context.resource_name(), self.options
        if isinstance(model, BaseModel) and model.source.startswith("direct"):
            return Endpoint(name=name, concurrency=1)
        if options.url:
            return Endpoint(name=name, url=options.url, concurrency=options.concurrency)
        voice = self.options.voice or _voice(model)
        if voice == "broken":
            message = "the voice is broken"
            raise EndpointError(message)
        served = InstantEndpoint(partial(self._answer, voice))
        self._serving[name] = served
        return Endpoint(name=name, url=served.url, concurrency=options.concurrency, metadata={"voice": voice})

    def connect(self, context: Context, endpoint: Endpoint) -> Transport | None:
        """Answer in this thread if there is no server."""
        return None if endpoint.url else _Direct()

    def serve(self, context: Context, model: ServableModel, *, name: str, port: int) -> ModelServer:
        """Start a server on the given port."""
        return _EchoServer(InstantEndpoint(partial(self._answer, _voice(model)), port), name)

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the server."""
        served = self._serving.pop(resource.name, None)
        if served is not None:
            served.close()

    def _answer(self, voice: str, prompt: str) -> str:
        self.asked.append(prompt)
        if voice == "mute":
            raise Refusal(400, "mute")
        if voice.startswith("unsteady"):
            voice = "quiet" if zlib.crc32(f"{voice}{prompt}".encode()) % 4 == 0 else "loud"
        return prompt.upper() if voice == "loud" else prompt


class _EchoServer(ModelServer):
    """A voice that is served until it is stopped.

    Args:
        endpoint: Answers.
        model: The model's name.
    """

    def __init__(self, endpoint: InstantEndpoint, model: str) -> None:
        super().__init__(endpoint.url.rpartition("/")[0], model)
        self._endpoint = endpoint
        self._stopped = threading.Event()

    def wait(self) -> NoReturn:
        self._stopped.wait()
        message = "the server was stopped"
        raise EndpointError(message)

    def stop(self) -> None:
        if not self._stopped.is_set():
            self._endpoint.close()
        self._stopped.set()


def _voice(model: ServableModel) -> str:
    return model.source if isinstance(model, BaseModel) else Path(model.uri).read_text(encoding="utf-8")


class _Direct(Transport):
    """Answers in the asking thread, as an endpoint that takes no time would."""

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        return Answer(prompt.text.upper() if isinstance(prompt, TextPrompt) else "")
