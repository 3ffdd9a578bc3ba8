from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_sdk import Pipeline
from llmops_sdk.cli.output.specification import Starter, name_of, scalar
from llmops_sdk.data.files.table import open_table
from llmops_sdk.data.profile import FileProfile, profile_table
from llmops_sdk.plugin.registry import Registry


def profile_of(path: Path, rows: list[dict[str, Any]]) -> FileProfile:
    """The profile of a file of rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return profile_table(open_table(path))


QUESTIONS = [{"question": f"q{n}?", "answer": f"answer {n}", "conversation_id": n // 3} for n in range(30)]


@pytest.mark.parametrize(
    ("rows", "evaluator", "candidates"),
    [
        (QUESTIONS, "qa-accuracy", ["base", "tuned"]),
        (QUESTIONS[:5], "qa-accuracy", ["base"]),
        ([{"text": f"t{n}", "label": n % 2} for n in range(30)], "classification-accuracy", ["base", "tuned"]),
        (
            [{"instruction": f"i{n}", "response": f"{n} {'long ' * 30}"} for n in range(30)],
            "text-metrics",
            ["base", "tuned"],
        ),
        ([{"instruction": "Write.", "context": f"c{n}"} for n in range(30)], "general-semantic-robustness", ["base"]),
    ],
)
def test_a_specification_fits_its_file(
    tmp_path: Path, rows: list[dict[str, Any]], evaluator: str, candidates: list[str]
) -> None:
    """It is built without a correction, with an evaluator for the references, and trains if there is enough to learn."""
    target = tmp_path / "rows.yaml"
    target.write_text(
        Starter(profile=profile_of(tmp_path / "rows.jsonl", rows), target=target).text(), encoding="utf-8"
    )
    plan = Pipeline.from_yaml(target).build(Registry.load(), offline=True)
    assert [evaluator] == [component.use for component in plan.evaluators]
    assert candidates == [model.name for model in plan.models]
    assert ["rows"] == [dataset.name for dataset in plan.datasets]


def test_groups_stay_in_one_split(tmp_path: Path) -> None:
    """Where a model is fine-tuned; else nothing is split."""
    profile = profile_of(tmp_path / "rows.jsonl", QUESTIONS)
    written = yaml.safe_load(Starter(profile=profile, target=tmp_path / "a.yaml").text())
    assert ("conversation_id", 0.2) == (written["datasets"][0]["group"], written["datasets"][0]["test_fraction"])
    few = yaml.safe_load(
        Starter(profile=profile_of(tmp_path / "few.jsonl", QUESTIONS[:6]), target=tmp_path / "b.yaml").text()
    )
    assert {"use": "file", "name": "few", "path": "few.jsonl", "split": "none"} == few["datasets"][0]


def test_a_second_file_is_named(tmp_path: Path) -> None:
    """As the test split, or as a candidate; paths are relative to the specification, or absolute outside its folder."""
    profile = profile_of(tmp_path / "rows.jsonl", QUESTIONS)
    test = profile_of(tmp_path / "test.jsonl", [{"question": "other?", "answer": "a"}])
    target = tmp_path / "folder" / "a.yaml"
    written = yaml.safe_load(Starter(profile=profile, target=target, test=test).text())
    dataset = written["datasets"][0]
    assert (str(tmp_path / "rows.jsonl"), str(tmp_path / "test.jsonl")) == (dataset["path"], dataset["test_path"])
    assert "test_fraction" not in dataset
    answers = Starter(profile=profile, target=tmp_path / "a.yaml", answers=tmp_path / "old.csv").text()
    assert {"use": "recorded", "name": "recorded", "path": "old.csv"} == yaml.safe_load(answers)["models"][-1]


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    """Of columns, labels and files."""
    rows = [{"the text: long": f"t{n}", "label": ["no", "yes"][n % 2]} for n in range(30)]
    profile = profile_of(tmp_path / "my {rows}, v2.jsonl", rows)
    written = yaml.safe_load(Starter(profile=profile, target=tmp_path / "a.yaml").text())
    dataset = written["datasets"][0]
    assert ("my {rows}, v2.jsonl", "the text: long") == (dataset["path"], dataset["columns"]["context"])
    assert ["no", "yes"] == written["evaluators"][0]["valid_labels"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.jsonl.gz", "a"), ("my rows.csv", "my-rows"), ("v1.5.parquet", "v1-5"), ("\u4f60.csv", "data")],
)
def test_a_file_name_as_a_name(name: str, expected: str) -> None:
    """That of the dataset that it has without a name, or a word where nothing of it is left."""
    assert expected == name_of(Path(name))


@pytest.mark.parametrize(
    "text", ["text", "the text", "1", "no", "null", "a.b", "a: b", "{a}", "\u00e9", "- a", "#a", "1.5", "1e3", ""]
)
def test_a_text_is_the_same_text_in_yaml(text: str) -> None:
    """Never a number, a boolean or a comment."""
    assert {"a": [text]} == yaml.safe_load(f"{{a: [{scalar(text)}]}}")
