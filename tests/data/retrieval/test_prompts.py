"""Prompts with what was retrieved: one rendering for training and for asking."""

from __future__ import annotations

from llmops_sdk.data.rendering import prompt_only, render
from llmops_sdk.data.retrieval.prompts import add_examples, add_passages, passages_text, take_retrieved
from llmops_sdk.values.prompts import ChatPrompt, ChatTemplate, TextPrompt, TextTemplate
from llmops_sdk.values.retrieval import RETRIEVED_FIELD, Example, Passage, Retrieved
from llmops_sdk.values.serial import to_json

QUESTION = {"instruction": "Where is it?", "context": "", "response": "here"}
EXAMPLE = {"instruction": "What is it?", "context": "", "response": "that"}
FOUND = Retrieved(
    passages=(Passage(id="a", title="Maps", text="It is {here}."), Passage(id="b", text="Or there.")),
    examples=(Example(place=3, record=EXAMPLE),),
)
PREPARED = {**QUESTION, RETRIEVED_FIELD: to_json(FOUND)}
SHOWN = "[1] Maps\nIt is {here}.\n\n[2] Or there."
FRONT = f"Passages that may help to answer:\n\n{SHOWN}\n\n"


def test_a_text_has_examples_then_passages_then_the_question() -> None:
    """The examples with their answers and without passages of their own; braces in a passage are text."""
    template = TextTemplate("{instruction}", response_key=" A:", completion=" {response}")

    assert TextPrompt(f"What is it? A: that\n\n{FRONT}Where is it? A:", " here") == render(template, PREPARED)
    assert render(template, PREPARED).text == prompt_only(template, PREPARED).text  # type: ignore[union-attr]


def test_a_template_that_names_the_passages_has_them_there_only() -> None:
    """Its examples have none."""
    template = TextTemplate("{passages}|{instruction}", completion=" {response}")

    assert TextPrompt(f"|What is it? that\n\n{SHOWN}|Where is it?", " here") == render(template, PREPARED)


def test_a_field_of_the_record_with_the_same_name_stays() -> None:
    """Where the prompt adds examples only."""
    template = TextTemplate("{passages}: {instruction}", completion=" {response}")
    record = {
        **QUESTION,
        "passages": "own",
        RETRIEVED_FIELD: to_json(Retrieved(examples=(Example(place=0, record=EXAMPLE),))),
    }

    assert TextPrompt(": What is it? that\n\nown: Where is it?", " here") == render(template, record)


def test_a_chat_has_passages_in_its_last_turn_and_examples_as_turns() -> None:
    """After the system message of the template."""
    template = ChatTemplate(({"role": "system", "content": "Be short."}, {"role": "user", "content": "{instruction}"}))

    assert ChatPrompt(
        (
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "What is it?"},
            {"role": "assistant", "content": "that"},
            {"role": "user", "content": f"{FRONT}Where is it?"},
        ),
        "here",
    ) == render(template, PREPARED)


def test_a_conversation_keeps_its_turns() -> None:
    """Its passages are in front of the last one."""
    template = ChatTemplate(({"role": "user", "content": "{instruction}"},), conversation=True)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Where is it?"}]  # fmt: skip
    passages = to_json(Retrieved(passages=(Passage(id="a", text="Here."),)))

    prompt = prompt_only(template, {**QUESTION, "messages": turns, RETRIEVED_FIELD: passages})

    assert isinstance(prompt, ChatPrompt)
    assert (
        *turns[:2],
        {"role": "user", "content": "Passages that may help to answer:\n\n[1] Here.\n\nWhere is it?"},
    ) == prompt.messages


def test_where_nothing_was_found_the_prompt_is_as_without_retrieval() -> None:
    """No heading over nothing."""
    template = TextTemplate("{instruction}")

    assert render(template, QUESTION) == render(template, {**QUESTION, RETRIEVED_FIELD: to_json(Retrieved())})
    assert TextPrompt("x") == add_passages(TextPrompt("x"), passages_text([])) == add_examples(TextPrompt("x"), [])


def test_a_record_and_what_was_retrieved_are_taken_apart() -> None:
    """Of a record for which nothing is retrieved, there is none."""
    assert (QUESTION, FOUND) == take_retrieved(PREPARED)
    assert (QUESTION, None) == take_retrieved(QUESTION)
