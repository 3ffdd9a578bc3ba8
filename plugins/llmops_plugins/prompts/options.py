"""The options of the prompt templates."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.plugin import Options, option


@attrs.frozen(kw_only=True)
class ChatOptions(Options):
    """A conversation of one question."""

    system: str = option("", help="the system message; a record's field is written as {field}, a brace as {{ or }}")


@attrs.frozen(kw_only=True)
class TemplateOptions(Options):
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
