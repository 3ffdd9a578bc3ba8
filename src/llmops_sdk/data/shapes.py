"""The shapes that rows of fine-tuning and evaluation data have: which columns ask, and which hold the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from llmops_sdk.data.columns import MISSING, Missing, root_of, value_at
from llmops_sdk.data.conversations import Conversation, is_conversation, read_conversation, refuse_tools, text_of
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

IDENTITY = {"instruction": "instruction", "context": "context", "response": "response"}
"""The columns of a row that has the fields of a record."""

_ANSWERS = ("response", "completion", "output", "answer", "answers", "ideal", "expected_output", "expected", "target")


@attrs.frozen(kw_only=True)
class RowParts:
    """What a row asks, and the reference to compare with, as the row has them.

    Attributes:
        instruction: What is asked.
        context: What the question is about; `MISSING` if the shape has none.
        reference: A text, a number, or a list of references that are as good; `MISSING` if the row has none.
        messages: The turns that are asked, of a conversation.
        columns: Field to the column that it was read from, for messages.
        used: The row's fields that were read.
    """

    instruction: Any
    context: Any = MISSING
    reference: Any = MISSING
    messages: tuple[Mapping[str, str], ...] = ()
    columns: Mapping[str, str]
    used: frozenset[str] = frozenset()


@attrs.frozen
class RowShape:
    """A shape of rows.

    Attributes:
        name: A short name.
        title: What it is, for people.
        read: Reads a row of this shape; the text is the row's name in messages.
    """

    name: str
    title: str
    read: Callable[[Record, str], RowParts]


def find_shape(row: Record) -> RowShape | None:
    """Return the shape of a row, or None if it is none of those known.

    >>> find_shape({"messages": [{"role": "user", "content": "a"}]}).name
    'messages'
    >>> find_shape({"question": "a", "answers": {"text": ["b"]}}).name
    'question'
    >>> find_shape({"article": "a", "highlights": "b"}) is None
    True
    """
    return next((shape for matches, shape in _SHAPES if matches(row)), None)


def read_turns(row: Record, column: str, name: str) -> RowParts:
    """Read the conversation in a column.

    Args:
        row: The row.
        column: The column, or its path.
        name: The row's name in messages.

    Raises:
        DataError: It is no conversation, or has what is not supported.
    """
    turns = value_at(row, column)
    if not is_conversation(turns):
        message = f"the field {column!r} of {name} is no conversation: a list of turns with role and content"
        raise DataError(message)
    refuse_tools(row, name)
    conversation = read_conversation(turns, name, system=row.get("system"))
    used = {root_of(column, row)} | ({"system"} if row.get("system") else set())
    if conversation.reference:
        return _conversation_parts(conversation, conversation.reference, column, column, used)
    answer, reference = _first(row, _ANSWERS)
    return _conversation_parts(conversation, reference, column, answer, used | ({answer} if answer else set()))


def _conversation_parts(
    conversation: Conversation, reference: Any, column: str, answer: str, used: set[str]
) -> RowParts:
    return RowParts(
        instruction=conversation.question,
        context=conversation.transcript,
        reference=reference,
        messages=conversation.messages,
        columns={"instruction": column, "context": column, "response": answer or column},
        used=frozenset(used),
    )


def _read_instruction(row: Record, name: str) -> RowParts:
    """Read Alpaca's rows, and Dolly's."""
    del name
    context, _ = _first(row, ("context", "input"))
    answer, _ = _first(row, ("response", "output", *_ANSWERS))
    return _plain_parts(row, "instruction", context, answer)


def _read_question(row: Record, name: str) -> RowParts:
    """Read question answering: SQuAD, TriviaQA, and rows with one answer."""
    del name
    context = next((field for field in ("context", "passage") if isinstance(row.get(field), str)), "")
    answer, _ = _first(row, ("answers", "answer", *_ANSWERS))
    return _plain_parts(row, "question", context, answer)


def _read_prompt(row: Record, name: str) -> RowParts:
    """Read `prompt` and `completion`: texts, or lists of messages."""
    prompt = "prompt" if "prompt" in row else "input"
    answer, _ = _first(row, _ANSWERS)
    if not is_conversation(row[prompt]):
        return _plain_parts(row, prompt, "", answer)
    refuse_tools(row, name)
    conversation = read_conversation(row[prompt], name, system=row.get("system"))
    reference: Any = row[answer] if answer else conversation.reference or MISSING
    if is_conversation(reference):
        asked = [*row[prompt], *reference]
        reference = read_conversation(asked, name).reference
    return _conversation_parts(conversation, reference, prompt, answer, {prompt, answer} - {""})


def _read_bedrock(row: Record, name: str) -> RowParts:
    """Read the rows of a Bedrock model evaluation; the responses of models that they bring along stay a field."""
    del name
    return _plain_parts(row, "prompt", "", "referenceResponse" if "referenceResponse" in row else "")


def _read_bedrock_turns(row: Record, name: str) -> RowParts:
    """Read the rows of a Bedrock evaluation of retrieval, of one or several turns."""
    turns: list[dict[str, str]] = []
    references: list[str] = []
    for number, turn in enumerate(row["conversationTurns"], start=1):
        where = f"turn {number} of {name}"
        if references:
            turns.append({"role": "assistant", "content": references[0]})
        turns.append({"role": "user", "content": text_of((turn.get("prompt") or {}).get("content"), where)})
        responses = turn.get("referenceResponses") or ()
        references = [text for reference in responses if (text := text_of(reference.get("content"), where))]
    conversation = read_conversation(turns, name)
    column = "conversationTurns"
    return _conversation_parts(conversation, references or MISSING, column, column, {column})


def _plain_parts(row: Record, instruction: str, context: str, answer: str) -> RowParts:
    reference = row[answer] if answer else MISSING
    if (
        isinstance(reference, Mapping) and "text" in reference
    ):  # SQuAD's answers: {"text": [...], "answer_start": [...]}
        reference = reference["text"]
    elif isinstance(reference, (list, tuple)) and any(isinstance(item, Mapping) for item in reference):
        reference = [item.get("text") if isinstance(item, Mapping) else item for item in reference]
    return RowParts(
        instruction=row[instruction],
        context=row[context] if context else MISSING,
        reference=reference,
        columns={"instruction": instruction, "context": context or "context", "response": answer or "response"},
        used=frozenset({instruction, context, answer} - {""}),
    )


def _first(row: Record, columns: tuple[str, ...]) -> tuple[str, Any | Missing]:
    """Return the first of some columns that a row has, and its value; an empty name without one."""
    return next(((column, row[column]) for column in columns if column in row), ("", MISSING))


def _is_prompt(row: Record) -> bool:
    if "prompt" in row:
        return isinstance(row["prompt"], str) or is_conversation(row["prompt"])
    return "input" in row and (
        is_conversation(row["input"]) or (isinstance(row["input"], str) and bool(_first(row, _ANSWERS)[0]))
    )


def _turns_shape(column: str, title: str) -> tuple[Callable[[Record], bool], RowShape]:
    def matches(row: Record) -> bool:
        return is_conversation(row.get(column))

    def read(row: Record, name: str) -> RowParts:
        return read_turns(row, column, name)

    return matches, RowShape(column, title, read)


_SHAPES: tuple[tuple[Callable[[Record], bool], RowShape], ...] = (
    _turns_shape("messages", "conversations as messages (OpenAI, TRL)"),
    _turns_shape("conversations", "conversations (ShareGPT)"),
    _turns_shape("conversation", "conversations (ShareGPT)"),
    (
        lambda row: isinstance(row.get("conversationTurns"), (list, tuple)) and bool(row["conversationTurns"]),
        RowShape("conversationTurns", "turns of a Bedrock evaluation", _read_bedrock_turns),
    ),
    (
        lambda row: isinstance(row.get("instruction"), str),
        RowShape("instruction", "instructions with context and response (Alpaca, Dolly)", _read_instruction),
    ),
    (
        lambda row: isinstance(row.get("prompt"), str) and ("referenceResponse" in row or "modelResponses" in row),
        RowShape("bedrock", "prompts of a Bedrock evaluation", _read_bedrock),
    ),
    (_is_prompt, RowShape("prompt", "prompts with completions", _read_prompt)),
    (
        lambda row: isinstance(row.get("question"), str),
        RowShape("question", "questions with answers", _read_question),
    ),
)
