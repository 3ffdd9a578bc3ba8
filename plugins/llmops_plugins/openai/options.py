"""The options of models behind servers with OpenAI's API. Nothing heavy is imported here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import attrs
from attrs import validators

from llmops_plugins._openai_api.options import PATHS, RequestOptions, refuse_chats
from llmops_plugins.openai.names import FORMAT
from llmops_plugins.openai.providers import PROVIDERS, usual_key
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    Check,
    Endpoint,
    ModelOptions,
    PromptTemplate,
    Secret,
    SpecError,
    bearer_headers,
    did_you_mean,
    name_of_model,
    option,
)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


def _base_url(_options: object, _attribute: object, value: str) -> None:
    if not value:
        return
    if not _URL.fullmatch(value):
        message = f"base_url is where the server's API is, such as 'http://127.0.0.1:8000/v1', not {value!r}"
        raise ValueError(message)
    for path in PATHS.values():
        if value.rstrip("/").endswith(path):
            message = f"base_url ends before {path!r}: write {value.rstrip('/').removesuffix(path)!r}"
            raise ValueError(message)


def _provider(_options: object, _attribute: object, value: str) -> None:
    if value and value not in PROVIDERS:
        message = f"no provider is called {value!r}{did_you_mean(value, PROVIDERS)}"
        raise ValueError(message)


def _api(_options: object, _attribute: object, value: str) -> None:
    if value not in PATHS:
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

    def has_chat_template(self, *, offline: bool) -> bool:
        """Return whether the model is asked through the chat API, where the server has its chat template."""
        return self.api == "chat"

    def usual_name(self) -> str:
        """Return the model's name, without its provider's."""
        return name_of_model(self.model)


@attrs.frozen(kw_only=True)
class OpenAIOptions(RequestOptions):
    """How the model is asked. Nothing is created or deleted."""

    key_env: str | None = option(
        None,
        help="the environment variable with the key; by default that of the provider, such as OPENAI_API_KEY; '' for no key",
        affects_results=False,
        validator=_key_env,
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
        if base.parameters.get("api") == "completions":
            refuse_chats(prompts)

    def billing(self, base: BaseModel) -> Billing:
        """Return that the tokens are billed, at the price of the server's model."""
        return Billing("tokens", base.source, address=base.parameters["base_url"])

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
        endpoint = Endpoint(
            name=base.source,
            url=f"{base_url}{PATHS[api]}",
            headers=bearer_headers(self.key(base)),
            metadata={"url": base_url, "model": base.source},
            api=api,
        )
        return self.with_limits(endpoint, model=base.source)

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
