"""The options of models behind servers with OpenAI's API. Nothing heavy is imported here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.openai.names import FORMAT
from llmops_plugins.openai.providers import PROVIDERS, usual_key
from llmops_sdk.plugin import (
    BaseModel,
    ChatTemplate,
    Check,
    DeployerOptions,
    Endpoint,
    ModelOptions,
    PromptTemplate,
    Secret,
    SpecError,
    bearer_headers,
    did_you_mean,
    extra_fields,
    option,
)

APIS = ("chat", "completions")
_PATHS = {"chat": "/chat/completions", "completions": "/completions"}
_SET_BY_US = ("messages", "prompt", "model", "stream", "n")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_positive_or_none = validators.optional(validators.gt(0))


def _base_url(_options: object, _attribute: object, value: str) -> None:
    if not value:
        return
    if not _URL.fullmatch(value):
        message = f"base_url is where the server's API is, such as 'http://127.0.0.1:8000/v1', not {value!r}"
        raise ValueError(message)
    for path in _PATHS.values():
        if value.rstrip("/").endswith(path):
            message = f"base_url ends before {path!r}: write {value.rstrip('/').removesuffix(path)!r}"
            raise ValueError(message)


def _provider(_options: object, _attribute: object, value: str) -> None:
    if value and value not in PROVIDERS:
        message = f"no provider is called {value!r}{did_you_mean(value, PROVIDERS)}"
        raise ValueError(message)


def _api(_options: object, _attribute: object, value: str) -> None:
    if value not in APIS:
        message = f"api is 'chat' or 'completions', not {value!r}"
        raise ValueError(message)


def _key_env(_options: object, _attribute: object, value: str | None) -> None:
    if value and not _VARIABLE.fullmatch(value):
        # The text may be the key itself: it must not reach a message or a log.
        message = "key_env is the name of an environment variable, such as OPENAI_API_KEY, never the key itself"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class OpenAIModelOptions(ModelOptions):
    """A model behind a server with OpenAI's API."""

    model: str = option(help="the model's name on the server", validator=validators.min_len(1))
    base_url: str = option(
        "", help="where the server's API is, such as http://127.0.0.1:8000/v1; a provider has one", validator=_base_url
    )
    provider: str = option(
        "", help=f"a provider with a known base_url and key_env: {', '.join(PROVIDERS)}", validator=_provider
    )
    api: str = option(
        "chat",
        help="chat: each prompt is a conversation, a text one message of the user; completions: text prompts for base models",
        validator=_api,
    )

    def base_model(self) -> BaseModel:
        """Return the model's name and address in place of base weights.

        Raises:
            SpecError: There is no address.
        """
        base_url = self.base_url or (PROVIDERS[self.provider].base_url if self.provider else "")
        if not base_url:
            message = f"the model {self.model!r} needs a base_url, such as http://127.0.0.1:8000/v1, or a provider"
            raise SpecError(message)
        return BaseModel(
            format=FORMAT, source=self.model, parameters={"base_url": base_url.rstrip("/"), "api": self.api}
        )


@attrs.frozen(kw_only=True)
class OpenAIOptions(DeployerOptions):
    """How the model is asked. Nothing is created or deleted."""

    key_env: str | None = option(
        None,
        help="the environment variable with the key; by default that of the provider, such as OPENAI_API_KEY; '' for no key",
        affects_results=False,
        validator=_key_env,
    )
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
    check_model: bool = option(
        True,
        help="whether a model that the server does not list is an error before the run",
        affects_results=False,
    )

    def check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Any]) -> None:
        """Refuse chats for the completions API.

        Raises:
            SpecError: A prompt of the pipeline is a chat.
        """
        if base.parameters.get("api") != "completions":
            return
        chats = [name for name, template in prompts.items() if isinstance(template, ChatTemplate)]
        if chats:
            message = f"the prompt {chats[0]!r} is a chat, which the completions API cannot be asked; use api: chat, or a text prompt"
            raise SpecError(message)

    def key(self, base: BaseModel) -> Secret | None:
        """Return the reference to a model's key, in the named environment variable or that of the provider; None for none."""
        name = usual_key(base.parameters["base_url"]) if self.key_env is None else self.key_env
        return Secret(f"env:{name}") if name else None

    def endpoint(self, base: BaseModel) -> Endpoint:
        """Return where and how a model is asked.

        Raises:
            SpecError: The environment has no key, or something that cannot be one.
        """
        base_url, api = base.parameters["base_url"], base.parameters["api"]
        return Endpoint(
            name=base.source,
            url=f"{base_url}{_PATHS[api]}",
            headers=bearer_headers(self.key(base)),
            concurrency=self.max_concurrency,
            metadata={"url": base_url, "model": base.source},
            extra_body={"model": base.source, **self.extra_body},
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            api=api,
            opens_reasoning=self.opens_reasoning,
        )

    def local_checks(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Yield the check of the key."""
        from llmops_plugins.openai.preflight import key_check

        key = self.key(base)
        if key is not None:
            yield key_check(key)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Yield the check of the server and its models."""
        from llmops_plugins.openai.preflight import ServerCheck

        yield ServerCheck(base, partial(self.endpoint, base), self.key(base), self.check_model).check()
