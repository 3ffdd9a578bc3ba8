"""The keys `examples` and `retrieve` of a prompt: what it adds to each record, as a user writes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.keys import check_keys
from llmops_sdk.planning.specification.spec import ComponentSpec
from llmops_sdk.values.retrieval import FIXED

EXAMPLES, RETRIEVE = "examples", "retrieve"
"""Keys of a prompt that are no options of its card."""

DEFAULT_RETRIEVER = "bm25"
DEFAULT_K = 3

_KEYS: Mapping[str, tuple[str, ...]] = {
    EXAMPLES: ("k", "by", "query", "seed"),
    RETRIEVE: ("from", "k", "by", "query", "words"),
}
_USUAL = {EXAMPLES: "{k: 3, by: bm25}", RETRIEVE: "{from: docs.jsonl, k: 3}"}
_LEAST = {"k": 1, "seed": 0, "words": 1}

_COMMON: Mapping[str, Any] = {
    "k": {"type": "integer", "minimum": 1, "default": DEFAULT_K, "description": "the most for each record"},
    "query": {
        "type": "string",
        "description": "the field of the record to search with; default: its instruction and its context",
    },
}

SCHEMAS: Mapping[str, Any] = {
    EXAMPLES: {
        "description": "few-shot examples from the train split; a number takes as many fixed ones",
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {
                "type": "object",
                "properties": {
                    **_COMMON,
                    "by": {
                        "type": "string",
                        "default": FIXED,
                        "description": "fixed, the same for all records; or a retriever: bm25, minilm",
                    },
                    "seed": {"type": "integer", "minimum": 0, "default": 0, "description": "what draws fixed examples"},
                },
                "additionalProperties": False,
            },
        ],
    },
    RETRIEVE: {
        "description": "passages of a document file; a text is its path",
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {
                    "from": {"type": "string", "description": "a file of documents, each with a text"},
                    **_COMMON,
                    "by": {
                        "type": "string",
                        "default": DEFAULT_RETRIEVER,
                        "description": "the retriever: bm25, minilm",
                    },
                    "words": {"type": "integer", "minimum": 1, "description": "the most words of a passage"},
                },
                "required": ["from"],
                "additionalProperties": False,
            },
        ],
    },
}
"""JSON schemas of the two keys, by their names."""


@attrs.frozen(kw_only=True)
class RetrievalSpec:
    """One of the two keys of a prompt.

    Attributes:
        where: How error messages start.
        by: The retriever's card, or `fixed`.
        k: The most for each record.
        documents: The file, absolute; empty for examples.
        query: The field to search with; empty means the default.
        words: The most words of a passage; 0 means all.
        seed: What draws fixed examples.
    """

    where: str
    by: str
    k: int = DEFAULT_K
    documents: str = ""
    query: str = ""
    words: int = 0
    seed: int = 0


def split_retrieval(
    prompt: ComponentSpec, folder: Path
) -> tuple[ComponentSpec, RetrievalSpec | None, RetrievalSpec | None]:
    """Return a prompt without the two keys, then what it writes as `examples` and as `retrieve`; None where it does not.

    Args:
        prompt: The prompt as the specification has it.
        folder: The folder that the path of documents is relative to.

    Raises:
        SpecError: One of them does not fit; the message shows what to write.
    """
    options = dict(prompt.options)
    name = prompt.name or prompt.use
    examples, retrieve = (
        _read(key, options.pop(key), f"prompt {name!r}: {key}", folder) if key in options else None
        for key in (EXAMPLES, RETRIEVE)
    )
    return attrs.evolve(prompt, options=options), examples, retrieve


def _read(key: str, value: Any, where: str, folder: Path) -> RetrievalSpec:
    if key == EXAMPLES and isinstance(value, int) and not isinstance(value, bool):
        value = {"k": value}
    if key == RETRIEVE and isinstance(value, (str, Path)):
        value = {"from": value}
    if not isinstance(value, Mapping):
        message = f"{where} is a mapping, such as {_USUAL[key]}, not {value!r}"
        raise SpecError(message)
    check_keys(value, _KEYS[key], where)
    _check_values(value, where)
    own = {name: each for name, each in value.items() if name not in ("from", "by")}
    by = value.get("by", FIXED if key == EXAMPLES else DEFAULT_RETRIEVER)
    if key == EXAMPLES:
        _check_examples(value, by, where)
        return RetrievalSpec(where=where, by=by, **own)
    if by == FIXED:
        message = (
            f"{where}.by is a retriever, such as {DEFAULT_RETRIEVER}: fixed passages belong into the template's text"
        )
        raise SpecError(message)
    return RetrievalSpec(where=where, by=by, documents=_file(value.get("from"), where, folder), **own)


def _check_values(value: Mapping[str, Any], where: str) -> None:
    for name, least in _LEAST.items():
        number = value.get(name, least)
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            message = f"{where}.{name} is a whole number of at least {least}, not {number!r}"
            raise SpecError(message)
    for name in ("by", "query"):
        if not isinstance(value.get(name, ""), str):
            message = f"{where}.{name} is text, not {value[name]!r}"
            raise SpecError(message)


def _check_examples(value: Mapping[str, Any], by: str, where: str) -> None:
    unused = "query" if by == FIXED else "seed"
    if unused in value:
        fits = "examples by a retriever" if by == FIXED else "fixed examples"
        message = f"{where}.{unused} is for {fits} only, and these are by {by!r}: remove it, or change `by`"
        raise SpecError(message)


def _file(value: Any, where: str, folder: Path) -> str:
    if not isinstance(value, (str, Path)) or not str(value):
        message = f"{where} names no document file: write it as {_USUAL[RETRIEVE]}"
        raise SpecError(message)
    path = (folder / Path(value).expanduser()).absolute()
    if not path.is_file():
        message = f"{where}: there is no document file {str(path)!r}"
        raise SpecError(message)
    return str(path)
