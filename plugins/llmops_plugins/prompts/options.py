"""The options of the prompt templates."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.plugin import Options, option


@attrs.frozen(kw_only=True)
class ChatOptions(Options):
    """A chat with one question."""

    system: str = option("", help="the system message; {field} is replaced by the record's field, {{ and }} by braces")


@attrs.frozen(kw_only=True)
class TemplateOptions(Options):
    """Your own template: a file, or its keys as options. `{field}` is replaced by the record's field."""

    path: str = option(
        "",
        help="a YAML or JSON file with these keys, such as JumpStart's template.json",
        path=True,
        affects_results=False,
    )
    prompt: str | None = option(None, help="the prompt's text, for example 'Summarize: {context}'")
    response_key: str | None = option(
        None, help="the text between prompt and answer; by default JumpStart's '\\n\\n### Response:\\n'"
    )
    completion: str | None = option(None, help="the answer to train on; by default '{response}'")
    stop: tuple[str, ...] | None = option(None, help="strings that end an answer")
    messages: tuple[Mapping[str, str], ...] | None = option(
        None, help="chat messages (role, content) instead of prompt and response_key"
    )
