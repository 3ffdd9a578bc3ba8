"""Prompts that retrieve in a rehearsal: the containers need neither the documents nor a retriever."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")
pytest.importorskip("bm25s")

from llmops_sdk import Pipeline
from llmops_sdk.plugin import TextPrompt
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.serial import to_line

from .whole_runs import Deleting

TARGET = """
from llmops_sdk import target


@target
def shout(prompt, *, options):
    return prompt.upper()
"""
CITIES = ("Rome", "Oslo", "Lima", "Cairo")
QUESTIONS = ("What is {} known for?", "Where does {} lie?", "Which tower does {} have?", "How old is the tower of {}?")


@pytest.mark.slow
@pytest.mark.timeout(900)  # three containers, each of which starts the SageMaker SDK
def test_containers_ask_with_what_was_retrieved_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents are deleted once the pipeline has started; each prompt has its passage and its example."""
    folder = tmp_path / "project"
    folder.mkdir()
    rows = [
        {"instruction": question.format(city), "response": f"the tower of {city}"}
        for question, city in zip(QUESTIONS, CITIES, strict=True)
    ]
    for name, some in (
        ("train", rows[:2]),
        ("test", rows[2:]),
        ("docs", [{"id": city, "text": f"{city} has an old tower."} for city in CITIES]),
    ):
        (folder / f"{name}.jsonl").write_bytes(b"".join(to_line(row, dict) for row in some))
    (folder / "mine.py").write_text(TARGET, encoding="utf-8")
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "home"))
    progress = Deleting(folder)

    result = (
        Pipeline.builder("retrieval")
        .with_dataset("jsonl", name="cities", path=f"{folder}/train.jsonl", test_path=f"{folder}/test.jsonl")
        .with_prompt("plain", name="with", examples=1, retrieve={"from": f"{folder}/docs.jsonl", "k": 1})
        .with_model(f"{folder}/mine.py:shout", name="base")
        .with_evaluator("text-metrics", metrics=["token_f1"])
        .run(on="sagemaker-rehearsal", store=tmp_path / "runs", registry=Registry.load(), progress=progress)
    )

    assert 1 == len(progress.started)
    samples = list(result.run.samples("base.with.cities"))
    assert ["Lima", "Cairo"] == [sample.retrieved.passages[0].id for sample in samples if sample.retrieved]
    assert all(
        isinstance(sample.prompt, TextPrompt) and "[1] Lima has an old tower." in sample.prompt.text
        for sample in samples[:1]
    )
    assert "1 for each record on average, of 2 train records" == result.leaderboards[0].cells[0].endpoint["examples"]
