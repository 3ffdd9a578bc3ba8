"""Baseline files: small, sorted, without a text, read back as they were written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import attrs
import numpy as np
import pytest

from llmops_sdk import Run
from llmops_sdk.errors import DataError
from llmops_sdk.gate.baseline import Baseline, make_baseline, read_baseline, write_baseline
from llmops_sdk.gate.evidence import DatasetEvidence, read_evidence
from llmops_sdk.gate.identity import EvaluatorIdentity, Identity
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.table import CellColumn, Kind, MetricColumn

from .cases import ROUGE, column_of

IDENTITY = Identity("chat", "aa", {"seed": 0}, {"rouge": EvaluatorIdentity("rouge", "k1")}, {"rougeL": "rouge"})
HASHES = ("0c", "0a", "0b", "0d", "0e")


def baseline_of(scores: Any, kinds: Any, metric: Metric = ROUGE) -> Baseline:
    """The baseline of a candidate with these scores: shape (checkpoints, repeats, records)."""
    column = MetricColumn(np.array(scores, dtype=float), np.array(kinds, dtype=np.int8))
    cell = CellColumn(column_of("tuned", metric, [0.0] * 5).result, {metric.name: column})
    evidence = DatasetEvidence(cast("Run", SimpleNamespace()), "sales", {"tuned": cell}, HASHES, None)
    return make_baseline("tuned", IDENTITY, [evidence], {metric.name: metric})


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Scores of every kind, to the last digit."""
    kinds = [[[Kind.SCORED, Kind.FAILED, Kind.MISSING, Kind.UNDEFINED, Kind.SCORED]]]
    baseline = baseline_of([[[0.1 + 0.2, np.nan, np.nan, np.nan, 1.0]]], kinds)

    write_baseline(baseline, tmp_path / "baseline.json")
    read = read_baseline(tmp_path / "baseline.json")

    assert baseline == read
    assert (5, 1) == (read.records, read.missing)
    column = read.column("sales", "rougeL", ["0c", "0a", "0b", "0d"])
    assert 0.1 + 0.2 == column.numbers[0, 0, 0]
    assert kinds[0][0][:4] == column.kinds[0, 0].tolist()


def test_the_file_is_sorted_has_a_line_for_each_record_and_no_text(finished: Run, baseline: Path) -> None:
    """Whole numbers have no decimal point; nothing in it changes from run to run, and no record can be read in it."""
    text = baseline.read_text(encoding="utf-8")

    records = [line for line in text.splitlines() if re.fullmatch(r' +"[0-9a-f]{16}": \[[01]\],?', line)]
    assert 60 == len(records)
    assert sorted(records, key=str.strip) == records
    assert finished.id not in text
    for sample in finished.samples("unsteady-1.bare.lines"):
        assert str(sample.record["context"]) not in text
    assert 50 * 60 > len(text), "more than 50 bytes a record"


def test_answers_to_one_record_are_their_mean() -> None:
    """With repeats, a failed one counts as the worst; one that is missing or undefined leaves the record without a score."""
    s, f, m, u = Kind.SCORED, Kind.FAILED, Kind.MISSING, Kind.UNDEFINED
    scores = [[[0.2, 0.5, 0.5, 0.5, np.nan], [0.4, np.nan, np.nan, np.nan, np.nan]]]

    baseline = baseline_of(scores, [[[s, s, s, s, f], [s, f, m, u, f]]])

    assert {
        "0a": ((0.25,),),
        "0b": ((None,),),
        "0c": ((pytest.approx(0.3),),),
        "0d": (("undefined",),),
        "0e": (("failed",),),
    } == (baseline.datasets["sales"])
    unbounded = attrs.evolve(ROUGE, bounds=None)
    assert (("failed",),) == baseline_of(scores, [[[s, s, s, s, f], [s, f, m, u, f]]], unbounded).datasets["sales"][
        "0a"
    ]


def test_a_recipe_has_a_score_for_each_checkpoint(tmp_path: Path) -> None:
    """They stay apart, because the seed is a source of chance."""
    baseline = baseline_of([[[0.1] * 5], [[0.2] * 5]], [[[Kind.SCORED] * 5]] * 2)
    write_baseline(baseline, tmp_path / "b.json")

    read = read_baseline(tmp_path / "b.json")

    assert ((0.1, 0.2),) == read.datasets["sales"]["0a"]
    assert (2, 1, 5) == read.column("sales", "rougeL", HASHES).numbers.shape


def test_the_scores_of_a_run_are_read_back(finished: Run, baseline: Path) -> None:
    """The column that a gate compares with is the one of the run."""
    (dataset,) = read_evidence(finished).datasets
    own = dataset.columns["unsteady-1"].scores["exact"]

    read = read_baseline(baseline).column("lines", "exact", dataset.hashes)

    assert own.numbers.tolist() == read.numbers.tolist()
    assert own.kinds.tolist() == read.kinds.tolist()


def _changed(path: Path, change: Any) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def _first(data: Any) -> Any:
    return data["datasets"]["lines"]


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("has schema 2; this version of llmops-sdk reads 1; write it again with", lambda data: data.update(schema=2)),
        ("has schema 'x'; this version", lambda data: data.update(schema="x")),
        ("is not a baseline that llmops gate wrote", lambda data: data.pop("schema")),
        ("is damaged .'candidate' is missing.", lambda data: data.pop("candidate")),
        ("is damaged .record 'aa' has the scores \\[\"text\"\\].", lambda data: _first(data).update(aa=["text"])),
        ("is damaged .record 'aa' has the scores \\[\\].", lambda data: _first(data).update(aa=[])),
        ("its records have different numbers of checkpoints", lambda data: _first(data).update(aa=[[1, 1]])),
        ("no evaluator has the metric 'exact'", lambda data: data["evaluators"].clear()),
        ("unexpected keyword argument 'more'", lambda data: data["evaluators"]["echo-score"].update(more=1)),
    ],
)
def test_damaged_files_are_refused(baseline: Path, message: str, change: Any) -> None:
    """In one line that names the file and how to write it again."""
    _changed(baseline, change)

    with pytest.raises(DataError, match=message) as caught:
        read_baseline(baseline)
    assert "baseline.json" in str(caught.value)
    assert "write it again with: llmops gate RUN --update" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"schema": NaN}', "a: b", "[" * 100_000])
def test_other_files_are_no_baselines(tmp_path: Path, text: str) -> None:
    """Whatever they are."""
    (tmp_path / "b.json").write_text(text, encoding="utf-8")

    with pytest.raises(DataError, match="is not a baseline that llmops gate wrote"):
        read_baseline(tmp_path / "b.json")
