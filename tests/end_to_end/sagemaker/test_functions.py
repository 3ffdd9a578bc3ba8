"""Functions of the user's own file in a rehearsal: the containers have them from the plan alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry

from .whole_runs import Deleting

FILE = """
from pathlib import Path

from llmops_sdk import metric, prompt, target

from helpers import count


@prompt
def terse(record):
    return f"In short: {record['instruction']}"


@target
def shout(prompt, *, options):
    return prompt.upper()


@metric
def known(output: str, *, words: Path = Path("words.txt")) -> float:
    return count(output, words.read_text().split())
"""


@pytest.mark.slow
@pytest.mark.timeout(900)  # three containers, each of which starts the SageMaker SDK
def test_containers_call_functions_without_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's folder is deleted once the pipeline has started; a step has the files and the file of the option."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mine.py").write_text(FILE, encoding="utf-8")
    (folder / "helpers.py").write_text("def count(text, words):\n    return sum(w in text for w in words)\n", "utf-8")
    (folder / "words.txt").write_text("IN SHORT\n", encoding="utf-8")
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "home"))
    progress = Deleting(folder)

    result = (
        Pipeline.builder("functions")
        .with_dataset("sample", max_test_records=2)
        .with_prompt(f"{folder}/mine.py:terse")
        .with_model(f"{folder}/mine.py:shout")
        .with_evaluator(f"{folder}/mine.py:known")
        .run(on="sagemaker-rehearsal", store=tmp_path / "runs", registry=Registry.load(), progress=progress)
    )

    assert 1 == len(progress.started)
    assert 2.0 == result.leaderboards[0].cells[0].estimates["known"].mean
