"""The answers of a run as files for MLflow."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_plugins.reporters.mlflow.samples import Amounts, write_samples
from llmops_sdk import Run
from llmops_sdk.plugin import Answer


def test_each_cell_has_its_samples_as_lines_and_as_a_table(voices: Run, tmp_path: Path) -> None:
    """A line has the question, the answer and each score; the table has the same columns."""
    folder = tmp_path / "cells"
    folder.mkdir()

    amounts = write_samples(voices, folder)

    assert set(amounts) == {path.name for path in folder.iterdir()}
    (cell,) = [name for name in amounts if name.startswith("base")]
    lines = [json.loads(line) for line in (folder / cell / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    table = json.loads((folder / cell / "samples.json").read_text(encoding="utf-8"))
    samples = list(voices.samples(cell))
    assert [(s.index, s.record["instruction"], s.output) for s in samples] == [
        (line["record"], line["question"], line["answer"]) for line in lines
    ]
    assert list(lines[0]) == table["columns"]
    assert [list(line.values()) for line in lines] == table["data"]
    metric = voices.plan.metric
    assert samples[0].scores[metric] == lines[0][f"score/{metric}"]


def test_nothing_is_written_without_a_folder(voices: Run) -> None:
    """What the answers add up to is known all the same."""
    amounts = write_samples(voices, None)

    assert 3 == len(amounts)


def test_amounts_are_unknown_only_where_no_answer_has_them() -> None:
    """One known number is enough; without any it is None and not 0."""
    known = Amounts() + Answer(output_tokens=3, cost=0.25) + Answer(output_tokens=4)

    assert Amounts(output_tokens=7, cost=0.25) == known
    assert Amounts(output_tokens=14, cost=0.5) == known + known
