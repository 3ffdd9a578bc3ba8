"""The cards of the prompts plugin, with their options. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk import Asset, Check, NoOptions, PromptCard, hookimpl, option


@attrs.frozen(kw_only=True)
class ChatOptions:
    """A conversation of one question."""

    system: str = option("", help="the system message; a record's field is written as {field}, a brace as {{ or }}")


@attrs.frozen(kw_only=True)
class TemplateOptions:
    """A template of one's own: a file, or its keys given here. `{field}` places take a record's fields."""

    path: str = option(
        "",
        help="a YAML or JSON file with these keys, such as JumpStart's template.json",
        path=True,
        affects_results=False,
    )
    prompt: str | None = option(None, help="the text that is asked, for example 'Summarize: {context}'")
    response_key: str | None = option(
        None, help="the text between prompt and answer; where it is not given: JumpStart's '\\n\\n### Response:\\n'"
    )
    completion: str | None = option(None, help="the answer to be learned; where it is not given: '{response}'")
    stop: tuple[str, ...] | None = option(None, help="strings at which an answer ends")
    messages: tuple[Mapping[str, str], ...] | None = option(
        None, help="chat messages (role, content) instead of prompt and response_key"
    )


@hookimpl
def llmops_cards() -> tuple[PromptCard, ...]:
    """Return the prompts."""
    return (
        PromptCard(
            name="alpaca",
            summary="instruction, input and response under headings: what the article and JumpStart use",
            load="llmops_plugins.prompts.bundled:Alpaca",
            options=NoOptions,
        ),
        PromptCard(
            name="plain",
            summary="the instruction and the context, a blank line between them, and nothing else",
            load="llmops_plugins.prompts.bundled:Plain",
            options=NoOptions,
        ),
        PromptCard(
            name="chat",
            summary="the instruction and the context as a user's message, in the model's own chat format",
            load="llmops_plugins.prompts.bundled:Chat",
            options=ChatOptions,
        ),
        PromptCard(
            name="template",
            summary="a template of your own, from a YAML or JSON file (JumpStart's template.json) or from options",
            load="llmops_plugins.prompts.template:OwnTemplate",
            options=TemplateOptions,
        ),
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return nothing: templates are text."""
    return ()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return nothing: templates are checked when a pipeline is built."""
    return ()
