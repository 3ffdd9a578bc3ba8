"""Prompts that functions make of records."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import DataError
from llmops_sdk.data.rendering import check_template, prompt_only, render, template_fields
from llmops_sdk.values.functions import Function
from llmops_sdk.values.prompts import ChatPrompt, FunctionTemplate, TextPrompt

RECORD = {"instruction": "Who?", "context": "", "response": "Ada"}


def template(body: str, **settings: Any) -> FunctionTemplate:
    text = f"from llmops_sdk import prompt\n@prompt\ndef f(record, *, style: str = 'short'):\n    {body}\n"
    return FunctionTemplate(Function("mine.py", "f", "", {"mine.py": text}), {"style": "long"}, **settings)


def test_a_text_is_asked_before_its_response_key() -> None:
    """Training and asking use the same function; the completion has the record's fields."""
    of_function = template("return f'{style}: {record[\"instruction\"]}'", response_key=" A:", completion=" {response}")

    assert TextPrompt("long: Who? A:", " Ada") == render(of_function, RECORD)
    assert TextPrompt("long: Who? A:") == prompt_only(of_function, RECORD)
    check_template(of_function, "f")
    assert ("response",) == template_fields(of_function)


def test_messages_are_asked_as_a_chat() -> None:
    """The last one is the user's."""
    of_function = template("return [{'role': 'user', 'content': record['instruction']}]")

    assert ChatPrompt(({"role": "user", "content": "Who?"},)) == prompt_only(of_function, RECORD)


def test_the_reference_is_not_given() -> None:
    """A prompt cannot give the answer away."""
    with pytest.raises(DataError, match=r"prompt 'f' failed for test record 3: KeyError: 'response' \(mine.py:4\)"):
        prompt_only(template("return record['response']"), RECORD, where="test record 3")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return None", "it returned None"),
        ("return ' '", "it returned an empty text"),
        ("return []", r"it returned \[\]"),
        ("return ['hi']", "message 1 lacks the two keys role and content"),
        (
            "return [{'role': 'robot', 'content': 'a'}]",
            "message 1 has the role 'robot'; known: system, user, assistant",
        ),
        ("return [{'role': 'user', 'content': 3}]", "the content of message 1 is no text"),
        ("return [{'role': 'assistant', 'content': 'a'}]", "the last message is not of role 'user'"),
    ],
)
def test_what_is_no_prompt_is_refused(body: str, problem: str) -> None:
    """The message names the function, the record and the message."""
    with pytest.raises(
        DataError, match=f"prompt 'f' must return a text or a list of chat messages; for .*Who.* {problem}"
    ):
        prompt_only(template(body), RECORD)
