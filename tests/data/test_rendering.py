from __future__ import annotations

from typing import Any

import attrs
import pytest

from llmops_sdk.data.rendering import _parse, check_template, prompt_only, render, template_fields
from llmops_sdk.errors import DataError
from llmops_sdk.values.prompts import ChatPrompt, ChatTemplate, PromptTemplate, TextPrompt, TextTemplate

RECORD = {"instruction": "Summarize.", "context": "A long text.", "response": "Short."}
TEXT = TextTemplate(prompt="Do: {instruction}\nWith: {context}\n", response_key="\nAnswer:", completion=" {response}")
CHAT = ChatTemplate(
    messages=(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "{instruction}\n\n{context}"},
    )
)
NAME = f"prompt template {TEXT.prompt[:40]!r}"


def test_text_is_asked_up_to_the_response_key_and_trained_with_the_completion() -> None:
    """A text template renders prompt and response key as what is asked, and the completion as what is learned."""
    assert TextPrompt("Do: Summarize.\nWith: A long text.\n\nAnswer:", " Short.") == render(TEXT, RECORD)


def test_chat_messages_keep_their_roles() -> None:
    """A chat template renders the content of each message and leaves the roles alone."""
    expected = ChatPrompt(
        messages=(
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Summarize.\n\nA long text."},
        ),
        completion="Short.",
    )
    assert expected == render(CHAT, RECORD)


@pytest.mark.parametrize("template", [TEXT, CHAT])
def test_asking_needs_no_reference_and_gives_what_training_gives(template: PromptTemplate) -> None:
    """A record without a reference can be asked, with the very text that training renders."""
    asked = prompt_only(template, {name: text for name, text in RECORD.items() if name != "response"})
    trained = render(template, RECORD)
    assert asked.completion == ""
    if isinstance(asked, TextPrompt):
        assert isinstance(trained, TextPrompt)
        assert trained.text == asked.text
    else:
        assert isinstance(trained, ChatPrompt)
        assert trained.messages == asked.messages


def test_a_record_without_a_context_has_a_prompt_of_its_own() -> None:
    """The response key and the completion are those of all records; a template without such a prompt uses the one it has."""
    record = {**RECORD, "context": ""}
    template = attrs.evolve(TEXT, without_context="Just {instruction}")
    assert TextPrompt("Just Summarize.\nAnswer:", " Short.") == render(template, record)
    assert render(TEXT, RECORD) == render(template, RECORD)
    assert TextPrompt("Do: Summarize.\nWith: \n\nAnswer:", " Short.") == render(TEXT, record)


def test_the_prompt_without_a_context_is_checked_too() -> None:
    """An error in it is found before any record needs it, and its fields are among those that are asked."""
    with pytest.raises(
        DataError, match=r"the without_context of the prompt template 'mine': '\{a\.b\}' is not a plain"
    ):
        check_template(attrs.evolve(TEXT, without_context="{a.b}"), "mine")
    assert ("instruction", "context", "topic") == template_fields(
        attrs.evolve(TEXT, without_context="{topic}"), completion=False
    )


def test_the_response_key_may_have_places() -> None:
    """The response key is filled as the prompt is."""
    template = TextTemplate(prompt="{context}\n", response_key="{instruction}: ")
    assert TextPrompt("A long text.\nSummarize.: ", "Short.") == render(template, RECORD)


def test_braces_in_a_record_are_text() -> None:
    """What stands in a record is never formatted again, not even a field's name in braces."""
    record = {"instruction": "{context} {0.__class__} {{x}}", "context": "}{", "response": "{response!r}"}
    expected = TextPrompt("Do: {context} {0.__class__} {{x}}\nWith: }{\n\nAnswer:", " {response!r}")
    assert expected == render(TEXT, record)


@pytest.mark.parametrize("text", ["{{}} {a}", "{{a}}", "{{{a}}}", "{a}{b}", "{a}}}{{", "no place", "", "{{{{{a}"])
def test_literal_braces_are_those_of_python(text: str) -> None:
    """Of a template that both accept, `str.format` makes the same text."""
    values = {"a": "one", "b": "two"}
    template = TextTemplate(prompt=text, completion="{a}")
    assert TextPrompt(text.format(**values), "one") == render(template, values)


def test_field_names_may_have_spaces_hyphens_and_any_letters() -> None:
    """The header of a table is usable as it is."""
    record = {"Customer question": "why?", "ticket-id": "7", "größe": "10", "response": "because"}
    template = TextTemplate(prompt="{Customer question}/{ticket-id}/{größe}")
    assert TextPrompt("why?/7/10", "because") == render(template, record)


def test_numbers_and_booleans_are_written_as_in_json() -> None:
    """A field that is a number or a boolean is as good as text."""
    template = TextTemplate(prompt="{a} {b} {c}", completion="{d}")
    assert TextPrompt("1 0.5 true", "-2") == render(template, {"a": 1, "b": 0.5, "c": True, "d": -2})


@pytest.mark.parametrize(
    ("placeholder", "named"),
    [
        ("{a.b}", "'{a.b}'"),
        ("{a[0]}", "'{a[0]}'"),
        ("{a!r}", "'{a!r}'"),
        ("{a:>10}", "'{a:>10}'"),
        ("{}", "'{}'"),
        ("{0}", "'{0}'"),
        ("{ a }", "'{ a }'"),
        ('{"key": 1}', "'{\"key\": 1}'"),
        ("{a", "a lone '{' near"),
        ("a}", "a lone '}' near"),
        ("{a:{b}}", "a lone '{' near"),
    ],
)
@pytest.mark.parametrize("part", ["prompt", "response_key", "completion", "message 2"])
def test_placeholders_other_than_plain_names_are_refused_by_name(placeholder: str, named: str, part: str) -> None:
    """The check names the template, the part and the placeholder, and rendering refuses it too."""
    template: PromptTemplate
    if part == "message 2":
        user = {"role": "user", "content": "{instruction}" + placeholder}
        template = ChatTemplate(messages=({"role": "system", "content": "Be brief."}, user))
    else:
        parts: dict[str, Any] = {"prompt": "{instruction}", "response_key": "=", "completion": "{response}"}
        template = TextTemplate(**{**parts, part: parts[part] + placeholder})
    with pytest.raises(DataError) as caught:
        check_template(template, "mine")
    assert str(caught.value).startswith(f"the {part} of the prompt template 'mine': ")
    assert named in str(caught.value)
    with pytest.raises(DataError, match=r"plain field name|a lone"):
        render(template, RECORD)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            {"instruction": "Summarize.", "response": "Short."},
            f"record 3 has no field 'context', which the {NAME} needs; available: instruction, response",
        ),
        ({**RECORD, "context": None}, f"the {NAME} needs the field 'context' as text; in record 3 it is null"),
        ({**RECORD, "context": ["a"]}, f"the {NAME} needs the field 'context' as text; in record 3 it is a list"),
    ],
)
def test_a_record_that_does_not_fit_is_named_with_template_and_field(record: dict[str, Any], text: str) -> None:
    """The error names the record, the field and the template."""
    with pytest.raises(DataError) as caught:
        render(TEXT, record, "record 3")
    assert text == str(caught.value)


def test_a_record_without_a_name_is_named_by_its_first_words() -> None:
    """If the caller gives no name, the error quotes the record."""
    with pytest.raises(DataError, match=r"the record 'Summarize\.' has no field 'context', which"):
        render(TEXT, {"instruction": "Summarize."})


def test_the_completion_needs_its_field_when_training() -> None:
    """A record without a reference cannot be trained on."""
    with pytest.raises(DataError, match="has no field 'response', which the prompt template"):
        render(CHAT, {"instruction": "a", "context": "b"})


def test_fields_are_listed_once_in_order() -> None:
    """The fields of a template are those of all its parts; asking does not need those of the completion."""
    template = TextTemplate(prompt="{b} {a} {b}", response_key="{c}", completion="{a}{response}")
    assert template_fields(template) == ("b", "a", "c", "response")
    assert template_fields(template, completion=False) == ("b", "a", "c")
    assert template_fields(CHAT) == ("instruction", "context", "response")


@pytest.mark.parametrize("template", [TEXT, CHAT, TextTemplate(prompt="{{{a}}}", stop=("\n",))])
def test_good_templates_pass_the_check(template: PromptTemplate) -> None:
    """The check accepts a template that can be used."""
    check_template(template, "mine")


USER = {"role": "user", "content": "{instruction}"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (TextTemplate(prompt="Hello"), "'mine' has no {field} placeholder, so every record would get the same prompt"),
        (TextTemplate(prompt="{a}", completion="yes"), "the completion of the prompt template 'mine' has no {field}"),
        (TextTemplate(prompt="{a} {response}"), "'mine' contains {response}, which is the reference answer"),
        (TextTemplate(prompt="{a}", stop=("x", "")), "'mine' has an empty stop string"),
        (ChatTemplate(messages=()), "'mine' must end with a message of role 'user'"),
        (
            ChatTemplate(messages=(USER, {"role": "assistant", "content": "{context}"})),
            "'mine' must end with a message of role 'user'",
        ),
        (
            ChatTemplate(messages=({"role": "human", "content": "{a}"},)),
            "message 1 of the prompt template 'mine' has the role 'human'; known: system, user, assistant",
        ),
        (
            ChatTemplate(messages=(USER, {"role": "user", "text": "{a}"})),
            "message 2 of the prompt template 'mine' must have role and content; it has: role, text",
        ),
    ],
)
def test_templates_that_could_only_mislead_are_refused(template: PromptTemplate, text: str) -> None:
    """A template that asks nothing, learns nothing, contains the answer or is no conversation is refused by name."""
    with pytest.raises(DataError) as caught:
        check_template(template, "mine")
    assert text in str(caught.value)


def test_a_template_is_parsed_once_for_all_records() -> None:
    """Rendering more records does not parse the text again."""
    render(TEXT, RECORD)
    parsed = _parse.cache_info().misses
    for number in range(1000):
        render(TEXT, {**RECORD, "context": f"text {number}"})
    assert parsed == _parse.cache_info().misses


CONVERSATION = ChatTemplate(
    messages=({"role": "system", "content": "Be {tone}."}, {"role": "user", "content": "{instruction}\n\n{context}"}),
    conversation=True,
)
TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c {x}"}]


def _record(**fields: Any) -> dict[str, Any]:
    return {"instruction": "c {x}", "context": "", "response": "r", "tone": "brief", **fields}


def test_the_messages_of_a_record_are_asked_as_they_are() -> None:
    """After the template's system message, unless they have one; braces in them are no placeholders."""
    prompt = render(CONVERSATION, _record(messages=TURNS))
    assert ChatPrompt(messages=({"role": "system", "content": "Be brief."}, *TURNS), completion="r") == prompt
    own = [{"role": "system", "content": "Be kind."}, *TURNS]
    assert ChatPrompt(messages=tuple(own)) == prompt_only(CONVERSATION, _record(messages=own))


def test_a_changed_question_of_a_conversation_is_asked() -> None:
    """Evaluators of robustness change the instruction."""
    prompt = prompt_only(CONVERSATION, _record(messages=TURNS, instruction="changed"))
    assert isinstance(prompt, ChatPrompt)
    assert "changed" == prompt.messages[-1]["content"]


@pytest.mark.parametrize(("context", "expected"), [("", "c {x}"), ("t", "c {x}\n\nt"), (" ", "c {x}")])
def test_nothing_is_appended_to_a_question_without_a_context(context: str, expected: str) -> None:
    """In a template for conversations, of a record without messages."""
    prompt = prompt_only(CONVERSATION, _record(context=context))
    assert isinstance(prompt, ChatPrompt)
    assert expected == prompt.messages[-1]["content"]


def test_other_templates_ask_what_they_say() -> None:
    """Messages of a record are one of its fields."""
    template = ChatTemplate(messages=({"role": "user", "content": "{instruction}\n\n{context}"},))
    expected = ({"role": "user", "content": "c {x}\n\n"},)
    assert ChatPrompt(messages=expected) == prompt_only(template, _record(messages=TURNS))
