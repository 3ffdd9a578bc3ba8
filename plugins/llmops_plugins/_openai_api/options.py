"""The options of requests to a server with OpenAI's API. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import ChatTemplate, DeployerOptions, Endpoint, PromptTemplate, SpecError, extra_fields, option

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
"""Each API for generation, and where it is below a server's base URL."""

_SET_BY_US = ("messages", "prompt", "model", "stream", "n")
_positive_or_none = validators.optional(validators.gt(0))


@attrs.frozen(kw_only=True)
class RequestOptions(DeployerOptions):
    """How a model behind OpenAI's API is asked."""

    max_concurrency: int = option(
        16, help="number of requests at the same time", affects_results=False, validator=validators.ge(1)
    )
    requests_per_minute: float | None = option(
        None, help="the most requests in a minute", affects_results=False, validator=_positive_or_none
    )
    tokens_per_minute: float | None = option(
        None,
        help="the most tokens in a minute, prompts and answers together",
        affects_results=False,
        validator=_positive_or_none,
    )
    timeout: float = option(
        600.0,
        help="seconds to wait for one answer, however slowly it arrives",
        affects_results=False,
        validator=validators.gt(0),
    )
    extra_body: Mapping[str, Any] = option(
        factory=dict,
        help="more fields of every request; null leaves one out: {reasoning_effort: low, top_k: 20}",
        validator=extra_fields(_SET_BY_US, "the model, the prompt and the form of the answer set it"),
    )
    opens_reasoning: bool = option(
        False,
        help="whether the model's chat template opens <think>, so that an answer without </think> is cut-off reasoning",
    )

    def with_limits(self, endpoint: Endpoint, model: str) -> Endpoint:
        """Return an endpoint with the options of its requests.

        Args:
            endpoint: Its name, URL and details.
            model: The name by which the server knows the model.
        """
        return attrs.evolve(
            endpoint,
            concurrency=self.max_concurrency,
            extra_body={"model": model, **self.extra_body},
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            opens_reasoning=self.opens_reasoning,
        )


def refuse_chats(prompts: Mapping[str, PromptTemplate]) -> None:
    """Refuse chats for the completions API.

    Raises:
        SpecError: A prompt of the pipeline is a chat.
    """
    chats = [name for name, template in prompts.items() if isinstance(template, ChatTemplate)]
    if chats:
        message = f"the prompt {chats[0]!r} is a chat, which the completions API cannot be asked; use api: chat, or a text prompt"
        raise SpecError(message)
