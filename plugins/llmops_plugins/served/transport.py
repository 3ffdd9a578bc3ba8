"""Asking a served model: a chat by one API, a text by the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import attrs

from llmops_plugins._openai_api.options import PATHS
from llmops_plugins.served.process import Process
from llmops_sdk.plugin import (
    Answer,
    ChatPrompt,
    Endpoint,
    GenerationOptions,
    HttpTransport,
    Prompt,
    RequestError,
    Transport,
)


class ServedTransport(Transport):
    """Asks over HTTP.

    Args:
        endpoint: The server; its URL is the base of both APIs.
        api: `chat`, `completions`, or `auto` for the one that fits a prompt.
        timeout: Seconds for one answer.
        process: The server's process.
    """

    def __init__(self, endpoint: Endpoint, *, api: str, timeout: float, process: Process) -> None:
        self._api = api
        self._process = process
        connect = partial(HttpTransport, timeout=timeout)
        self._by_api = {
            name: connect(attrs.evolve(endpoint, url=f"{endpoint.url}{path}", api=name))
            for name, path in PATHS.items()
            if api in ("auto", name)
        }

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        fitting = "chat" if isinstance(prompt, ChatPrompt) else "completions"
        with self._watched():
            return self._by_api[fitting if self._api == "auto" else self._api].send(prompt, generation)

    def log_probability(self, prompt: Prompt) -> float:
        with self._watched():
            return (self._by_api.get("completions") or self._by_api["chat"]).log_probability(prompt)

    def close(self) -> None:
        for transport in self._by_api.values():
            transport.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Raise an error of the server, not of the question, if the server has ended.

        Raises:
            EndpointError: It has.
        """
        try:
            yield
        except RequestError:
            if self._process.is_running:
                raise
            self._process.raise_ended("while it was asked")
