"""The keys `examples` and `retrieve` of a prompt: short forms, defaults, and clear errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.specification.retrieval import SCHEMAS, split_retrieval
from llmops_sdk.planning.specification.spec import ComponentSpec
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.retrieval import Retrieval


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder with a document file."""
    (tmp_path / "docs.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    return tmp_path


def prompt(**options: Any) -> ComponentSpec:
    """A prompt with a key."""
    return ComponentSpec("chat", "rag", {"system": "Be short.", **options})


def test_the_keys_are_taken_from_the_options_of_the_card(folder: Path) -> None:
    """A prompt without them is as it is."""
    rest, examples, retrieve = split_retrieval(prompt(examples=2, retrieve="docs.jsonl"), folder)

    assert prompt() == rest
    assert examples is not None
    assert ("fixed", 2, 0) == (examples.by, examples.k, examples.seed)
    assert retrieve is not None
    assert ("bm25", 3, str(folder / "docs.jsonl")) == (retrieve.by, retrieve.k, retrieve.documents)
    assert (prompt(), None, None) == split_retrieval(prompt(), folder)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"retrieve": 3}, "prompt 'rag': retrieve is a mapping, such as {from: docs.jsonl, k: 3}, not 3"),
        ({"retrieve": {"k": 3}}, "prompt 'rag': retrieve names no document file"),
        ({"retrieve": {"from": "other.jsonl"}}, "prompt 'rag': retrieve: there is no document file '"),
        ({"retrieve": {"from": "docs.jsonl", "k": 0}}, "retrieve.k is a whole number of at least 1, not 0"),
        ({"retrieve": {"from": "docs.jsonl", "top": 3}}, "retrieve has an unknown key 'top'"),
        ({"retrieve": {"from": "docs.jsonl", "by": "fixed"}}, "retrieve.by is a retriever, such as bm25"),
        ({"retrieve": {"from": "docs.jsonl", "query": 3}}, "retrieve.query is text, not 3"),
        ({"examples": True}, "examples is a mapping, such as {k: 3, by: bm25}, not True"),
        ({"examples": {"from": "docs.jsonl"}}, "examples has an unknown key 'from'"),
        ({"examples": {"by": "bm25", "seed": 1}}, "examples.seed is for fixed examples only, and these are by 'bm25'"),
        (
            {"examples": {"query": "topic"}},
            "examples.query is for examples by a retriever only, and these are by 'fixed'",
        ),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], problem: str, folder: Path) -> None:
    """In one line, with what to write."""
    with pytest.raises(SpecError) as caught:
        split_retrieval(prompt(**options), folder)

    assert problem in str(caught.value)


def test_the_schema_has_every_key() -> None:
    """And no other."""
    keys = {name: set(schema["anyOf"][1]["properties"]) for name, schema in SCHEMAS.items()}

    assert {"examples": {"k", "by", "query", "seed"}, "retrieve": {"from", "k", "by", "query", "words"}} == keys


def planned(registry: Registry, **options: Any) -> Plan:
    """A plan with a prompt that retrieves."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_evaluator("echo-score")
    return pipeline.with_prompt("bare", name="with", **options).with_model("echo").build(registry)


def test_the_plan_has_the_retriever_with_its_key(registry: Registry, folder: Path) -> None:
    """It is read back from JSON; where the documents are is no part of the prompt's key."""
    documents = str(folder / "docs.jsonl")
    plan = planned(registry, retrieve={"from": documents, "by": "minilm"})
    (with_passages,) = plan.prompts
    other = folder / "moved.jsonl"
    other.write_text('{"text": "b"}\n', encoding="utf-8")
    (moved,) = planned(registry, retrieve={"from": str(other), "by": "minilm"}).prompts
    (plain,) = planned(registry).prompts

    assert plan == Plan.from_json(plan.json)
    assert isinstance(with_passages.retrieve, Retrieval)
    assert "minilm" in plan.assets
    assert with_passages.key == moved.key != plain.key
    assert f"3 passages of {documents!r} by minilm" == str(with_passages.retrieve)


def test_an_unknown_retriever_is_named(registry: Registry, folder: Path) -> None:
    """With a hint."""
    with pytest.raises(SpecError, match=r"minilm"):
        planned(registry, retrieve={"from": str(folder / "docs.jsonl"), "by": "minillm"})
