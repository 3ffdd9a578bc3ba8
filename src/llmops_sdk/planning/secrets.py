"""Secrets in a specification: URLs that hold one are refused, and each reference must be set where its step runs.

A plan is what runs, is stored and is reported, so it may hold no secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.checks import Check, Finding
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.plan import Component, Plan
from llmops_sdk.values.secrets import Secret

_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_PASSWORD = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#:@]*:[^/\s?#@]+@")
# Longer than the names of users: an access token in place of one.
_TOKEN = re.compile(r"https?://[^/\s?#:@]{20,}@", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"://\S*[?&#](x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential)|signature|sig"
    r"|(?:access_|auth_|id_)?token|api[_-]?key|subscription-key|password|passwd|secret|client_secret)=[^&\s#]",
    re.IGNORECASE,
)


def secret_checks(plan: Plan, registry: Registry, *, offline: bool = False) -> Iterator[Check]:
    """Yield a check for each `env:NAME` in the options of a plan's components.

    Those of components that run on other machines are left out: their variables are set there.

    Args:
        plan: The plan.
        registry: The installed plugins.
        offline: Whether the run uses no network: then datasets come from this machine, and need no token.
    """
    reporters = {offer.card.name for offer in registry.offers() if offer.card.kind == "reporter"}
    # A run can be resumed without a reporter that is no longer installed; calling it is what logs that.
    on_client: list[tuple[CardKind, Component]] = [
        ("reporter", reporter) for reporter in plan.reporters if reporter.use in reporters
    ]
    on_executor: list[tuple[CardKind, Component]] = [("evaluator", evaluator) for evaluator in plan.evaluators]
    if not offline:
        on_client += [("dataset", dataset) for dataset in plan.dataset_by_name.values()]
    on_executor += [("trainer", model.trainer) for model in plan.models if model.trainer]
    on_executor += [("deployer", model.deployer) for model in plan.model_by_name.values()]
    references = [*_references(on_client, registry), *_references(on_executor, registry)]
    if not references:
        return
    remote = registry.make("executor", plan.executor.use, plan.executor.options).remote
    for where, name in dict.fromkeys(_references(on_client if remote else [*on_client, *on_executor], registry)):
        yield Check(where, partial(_check_set, name))


def refuse_secret_urls(values: Any, where: str) -> None:
    """Refuse options that hold a URL with a password or a signature.

    A plan cannot mask it: what masks it in the plan takes it from the step that needs it, on whatever machine that runs.

    Args:
        values: Options, or a value in them.
        where: How error messages start.

    Raises:
        SpecError: One does. The message has the option's name, and nothing of the URL.
    """
    if isinstance(values, Mapping):
        for name, value in values.items():
            refuse_secret_urls(name, f"a name in {where}")
            refuse_secret_urls(value, f"{where}.{name}")
    elif isinstance(values, (list, tuple)):
        for number, value in enumerate(values):
            refuse_secret_urls(value, f"{where}.{number}")
    elif isinstance(values, str) and "://" in values:
        parameter = _SIGNATURE.search(values)
        is_token = _TOKEN.search(values) is not None
        if parameter is None and not is_token and not _PASSWORD.search(values):
            return
        secret = f"the parameter {parameter[1]!r}" if parameter else "a token" if is_token else "a password"
        message = (
            f"{where} is a URL with {secret}, which the plan, the record and the report would show; leave it out of the "
            "URL, and give it in an option that takes a reference such as 'env:NAME', or in the plugin's own environment variable"
        )
        raise SpecError(message)


def _references(parts: list[tuple[CardKind, Component]], registry: Registry) -> Iterator[tuple[str, str]]:
    """Yield which component refers to which environment variable."""
    for kind, component in parts:
        where = f"{kind} {component.name!r}"
        options = registry.options(registry.offer(kind, component.use).card, component.options, where)
        for option in component.options:
            for name in _names(getattr(options, option)):
                yield f"{where}: {option}", name


def _names(value: Any) -> Iterator[str]:
    """Yield the variables that an option's value refers to: a secret, or a mapping of which some values are references."""
    texts = [value.reference] if isinstance(value, Secret) else []
    if isinstance(value, Mapping):
        texts = [text for text in value.values() if isinstance(text, str)]
    for text in texts:
        match = _REFERENCE.fullmatch(text)
        if match:
            yield match[1]


def _check_set(name: str) -> Finding:
    if os.environ.get(name):
        return Finding("ok", f"the environment variable {name!r} is set")
    return Finding("error", f"the environment variable {name!r} is not set", f"export {name}=...")
