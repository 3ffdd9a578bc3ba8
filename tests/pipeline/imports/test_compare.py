"""`compare`: others' files and finished runs become a run with a verdict."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import DataError, LocalStore, Registry, Result, SpecError, compare, load, rescore
from llmops_sdk.pipeline.notebook import to_html
from llmops_sdk.values.results import Verdict

from .sources import Lines, compare_files, run_echoes, scores, write_csv


def _mean(result: Result, candidate: str) -> float:
    (board,) = result.leaderboards
    return next(cell.estimates[board.metric].mean for cell in board.cells if cell.candidate == candidate)


def test_two_files_of_scores_become_a_run(tmp_path: Path, registry: Registry) -> None:
    """With a verdict, a report, and records that can be read; the same files again are reused."""
    marks = random.Random(7)
    old = scores(tmp_path / "old.csv", [int(marks.random() < 0.3) for _ in range(60)])
    new = scores(tmp_path / "new.csv", [int(marks.random() < 0.9) for _ in range(60)])

    result = compare_files(tmp_path, registry, old, new)

    assert "new" == result.decision().best
    assert "new is the best on records: old is worse." in result.decision().text
    assert "q0" == next(iter(result.records("old"))).record["id"]
    assert result.run.read("report.html")
    again = compare_files(tmp_path, registry, old, new)
    assert result.run.plan.hash == again.run.plan.hash
    assert all(getattr(again.run.record(step.name), "cached", False) for step in again.run.plan.steps)
    assert load(result.run.id, store=LocalStore(tmp_path / "runs")).decision() == again.decision()


def test_how_imported_results_were_made_is_left_out(tmp_path: Path, registry: Registry) -> None:
    """Neither that a candidate is a base model, nor the prompt that only the plan has: in report, notebook and text."""
    old, new = (scores(tmp_path / f"{name}.csv", [1, 0, 1, 1]) for name in ("old", "new"))

    result = compare_files(tmp_path, registry, old, new)

    page, shown, text = (result.run.read("report.html") or b"").decode(), to_html(result) or "", repr(result)
    assert "<bdi>old</bdi>" in page
    assert [] == re.findall(r">(?:base|fine-tuned)<|· (?:model|prompt) <bdi>|\bPrompt plain\b", page)
    assert '"prompt": "plain"' not in page
    assert [] == [
        each for each in (shown, text, to_html(result.run.plan) or "") if re.search(r"\bbase\b|training|plain", each)
    ]


def _verdict(verdict: Verdict, names: Mapping[str, str]) -> str:
    text = verdict.text
    for name, other in names.items():
        text = re.sub(rf"\b{re.escape(name)}\b", other, text)
    return text


def _export(result: Result, folder: Path) -> list[Path]:
    """Write the deciding scores of a run as others would have them."""
    paths = []
    for cell in result.leaderboards[0].cells:
        rows = [
            {"id": sample.record["context"], "exact": sample.scores["exact"]}
            for sample in result.run.samples(cell.cell)
        ]
        paths.append(write_csv(folder / f"{cell.candidate}.csv", rows))
    return sorted(paths)


def test_the_verdict_over_exported_scores_is_that_of_the_run(tmp_path: Path, registry: Registry) -> None:
    """Over files, over the run itself, and over its candidates one by one: the same words, numbers and tests."""
    own = run_echoes(tmp_path, registry)
    (board,) = own.leaderboards

    exported = compare_files(tmp_path, registry, *_export(own, tmp_path), options={"score": ["exact"]})
    as_run = compare_files(tmp_path, registry, own.run.id)
    one_by_one = compare_files(tmp_path, registry, f"{own.run.id}:loud", f"{own.run.id}:quiet")

    for other, names in (
        (exported, {"exact": "Exact match", "records": "lines"}),
        (as_run, {}),
        (one_by_one, {}),
    ):
        (compared,) = other.leaderboards
        renamed = _verdict(compared.verdict, {**names, "30 lines": "30 records"})
        assert board.verdict.text == renamed
        tests = [
            [(test.p_value, test.adjusted_p_value, test.low, test.high) for test in each.pairs]
            for each in (board, compared)
        ]
        assert tests[0] == tests[1]
        assert board.cells[0].estimates["exact"] == compared.cells[0].estimates["exact"]


def test_rows_without_a_partner_are_left_out(tmp_path: Path, registry: Registry) -> None:
    """They are counted beside the verdict, and listed in a file of the run."""
    old, new = scores(tmp_path / "old.csv", [1, 0, 1, 1]), scores(tmp_path / "new.csv", [1, 0, 1])

    result = compare_files(tmp_path, registry, old, new)

    assert "1 of 4 records of old has no partner and is left out (q3)." in result.decision().text
    assert {"old": 3, "new": 3} == {cell.candidate: cell.records for cell in result.leaderboards[0].cells}
    listed = json.loads(result.run.read("unpaired.jsonl") or b"")
    assert {"candidate": "old", "dataset": "records", "key": "q3"} == listed
    more = scores(tmp_path / "old.csv", [1, 0, 1, 1, 1])
    assert "2 of 5 records of old" in compare_files(tmp_path, registry, more, new).decision().text


def test_repeats_are_joined_to_their_mean(tmp_path: Path, registry: Registry) -> None:
    """Within a record; they are no records of their own."""
    rows = [{"id": f"q{place}", "score": score} for place in range(3) for score in (1.0, 0.5)]
    old, new = write_csv(tmp_path / "old.csv", rows), scores(tmp_path / "new.csv", [1, 1, 0.5])

    result = compare_files(tmp_path, registry, old, new)

    assert 3 == result.leaderboards[0].cells[0].records
    assert 0.75 == pytest.approx(_mean(result, "old"))
    assert "3 records of old have several rows, which are joined to their mean." in result.decision().text


def test_what_differs_under_one_id_is_refused_unless_declared(tmp_path: Path, registry: Registry) -> None:
    """A refusal leaves nothing in the store."""
    old = scores(tmp_path / "old.csv", [1, 0, 1], question="Why?")
    new = scores(tmp_path / "new.csv", [1, 0, 1], question="Why not?")

    with pytest.raises(DataError, match="the prompt of 3 of 3 records differs under one key: 'q0' has 'Why"):
        compare_files(tmp_path, registry, old, new)
    assert not (tmp_path / "runs").exists()

    result = compare_files(tmp_path, registry, old, new, allow_different=["prompt"])
    assert "The prompt of 3 records differs between sources, as declared." in result.decision().text


def test_runs_that_were_asked_otherwise_are_refused_unless_declared(tmp_path: Path, registry: Registry) -> None:
    """Generation options, prompts and graders are entry of what is compared."""
    run = run_echoes(tmp_path, registry).run
    from llmops_sdk import Pipeline, Progress

    longer = Pipeline.from_yaml(_specification(tmp_path, run.read("specification.yaml") or b"")).with_generation(
        max_new_tokens=7
    )
    other = longer.run(store=run.store, progress=Progress(), registry=registry).run

    with pytest.raises(
        DataError,
        match=r"the generation of 'loud' .* differs: .*; if that is meant, declare it: --allow-different generation",
    ):
        compare_files(tmp_path, registry, f"{run.id}:loud", f"{other.id}:quiet")
    result = compare_files(tmp_path, registry, f"{run.id}:loud", f"{other.id}:quiet", allow_different=["generation"])
    assert "The generation differs between candidates, as declared." in result.decision().text


def _specification(folder: Path, text: bytes) -> Path:
    path = folder / "specification.yaml"
    path.write_bytes(text)
    return path


def test_records_of_a_group_count_as_one(tmp_path: Path, registry: Registry) -> None:
    """As with a dataset of one's own."""
    rows = [{"id": place, "document": place // 2, "score": place % 3 / 2} for place in range(40)]
    old = write_csv(tmp_path / "old.csv", rows)
    new = write_csv(tmp_path / "new.csv", [{**row, "score": 1} for row in rows])

    result = compare_files(tmp_path, registry, old, new, options={"group": "document"})

    assert all(test.clusters <= 20 for test in result.leaderboards[0].pairs)
    assert "group" == result.run.plan.datasets[0].options["group"]


def test_a_baseline_and_a_margin(tmp_path: Path, registry: Registry) -> None:
    """As in a specification; a name that is no candidate is refused before anything is written."""
    files = [scores(tmp_path / f"{name}.csv", [place % 2 for place in range(40)]) for name in ("old", "new")]

    result = compare_files(tmp_path, registry, *files, baseline="old", margin=0.2)

    assert ("old", 0.2) == (result.run.plan.baseline, result.run.plan.margin)
    assert "new" == result.decision().margins[0].candidate
    with pytest.raises(SpecError, match="the baseline 'olf' is no candidate of this run; did you mean 'old'"):
        compare_files(tmp_path / "other", registry, *files, baseline="olf", margin=0.2)
    assert not (tmp_path / "other").exists()


def test_several_datasets_and_candidates_in_a_file(tmp_path: Path, registry: Registry) -> None:
    """By their fields."""
    rows = [
        {"id": place, "model": model, "task": task, "score": place % 2}
        for model in ("small", "large")
        for task in ("qa", "math")
        for place in range(12)
    ]

    result = compare_files(tmp_path, registry, write_csv(tmp_path / "all.csv", rows), options={"dataset": "task"})

    boards = {board.dataset: {cell.candidate for cell in board.cells} for board in result.leaderboards}
    assert {"qa": {"small", "large"}, "math": {"small", "large"}} == boards
    assert all(cell.missing == 0 for board in result.leaderboards for cell in board.cells)
    assert "rows_without_record" not in result.leaderboards[0].cells[0].endpoint


def test_metrics_come_from_all_and_directions_from_the_user(tmp_path: Path, registry: Registry) -> None:
    """The lower one wins where less is better."""
    rows = [{"id": place, "penalty": place % 3, "quality": 0.5} for place in range(30)]
    old = write_csv(tmp_path / "old.csv", rows)
    new = write_csv(tmp_path / "new.csv", [{**row, "penalty": 0} for row in rows])
    progress = Lines()

    result = compare(
        [old, new],
        options={"score": ["penalty", "quality"]},
        higher_is_better={"penalty": False},
        bounds={"penalty": (0, 5)},
        store=LocalStore(tmp_path / "runs"),
        progress=progress,
        registry=registry,
    )

    assert "new" == result.decision().best
    (info,) = result.results.evaluators
    assert [("penalty", False, (0.0, 5.0)), ("quality", True, None)] == [
        (metric.name, metric.higher_is_better, metric.bounds) for metric in info.metrics
    ]
    assert any("'penalty' decides" in line for line in progress.lines)


@pytest.mark.parametrize(
    ("rows", "other", "message"),
    [
        ([{"id": 1, "score": 1}], [{"id": 2, "score": 1}], "no record is in all sources, by what pairs them: 'old'"),
        (
            [{"id": 1, "score": "good"}],
            [{"id": 1, "score": 1}],
            "the score 'score' of line 2 of 'old.csv': 'good' is no number",
        ),
        (
            [{"id": 1, "a": 1.5}],
            [{"id": 1, "b": 1.5}],
            "no metric is in all sources: 'old' .* has 'a'; 'new' .* has 'b'",
        ),
        (
            [{"name": "x", "score": 1}],
            [{"id": 1, "score": 1}],
            "'old.csv' has no field to pair its rows by; name one with --id",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, registry: Registry, rows: list[dict[str, Any]], other: list[dict[str, Any]], message: str
) -> None:
    """And nothing is written."""
    with pytest.raises(DataError, match=message) as raised:
        compare_files(tmp_path, registry, write_csv(tmp_path / "old.csv", rows), write_csv(tmp_path / "new.csv", other))

    assert "\n" not in str(raised.value)
    assert not (tmp_path / "runs").exists()


def test_nothing_to_compare(tmp_path: Path, registry: Registry) -> None:
    """It takes a source, with rows."""
    with pytest.raises(SpecError, match="name what to compare"):
        compare_files(tmp_path, registry)
    empty = tmp_path / "empty.csv"
    empty.write_text("id,score\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"empty.csv' (is of no kind that is read|has no rows)"):
        compare_files(tmp_path, registry, empty)


def test_a_comparison_can_get_other_metrics(tmp_path: Path, registry: Registry) -> None:
    """`llmops score` works on its texts, without the files."""
    rows = [
        {"id": place, "reference": f"word {place}", "answer": f"word {place % 2}", "score": 1} for place in range(6)
    ]
    files = [write_csv(tmp_path / f"{name}.csv", rows) for name in ("old", "new")]
    result = compare_files(tmp_path, registry, *files)
    for path in files:
        path.unlink()

    rescored = rescore(
        result.run.id, [{"use": "qa-accuracy", "metrics": ["f1"]}], store=result.run.store, registry=registry
    )

    assert {"score", "f1"} == rescored.leaderboards[0].cells[0].estimates.keys()


def test_scores_that_are_missing_are_counted(tmp_path: Path, registry: Registry) -> None:
    """A row with an error is missing; one without a score and with a text is left out for all."""
    rows: list[dict[str, Any]] = [{"id": place, "answer": "x", "score": 1, "error": ""} for place in range(12)]
    rows[0] |= {"answer": "", "score": "", "error": "timeout"}
    rows[1] |= {"score": ""}
    old = write_csv(tmp_path / "old.csv", rows)
    new = scores(tmp_path / "new.csv", [1] * 12)
    new.write_text(new.read_text(encoding="utf-8").replace("q", ""), encoding="utf-8")

    result = compare_files(tmp_path, registry, old, new)

    cells = {cell.candidate: cell for cell in result.leaderboards[0].cells}
    assert (11, 1, {"recorded-scores": 1}) == (cells["old"].answered, cells["old"].missing, cells["old"].unscored)
    errors = [sample.error for sample in result.records("old") if sample.error]
    assert 1 == len(errors)
    assert "timeout" in errors[0]


def test_a_file_of_another_separator_and_of_numbers_as_text(tmp_path: Path, registry: Registry) -> None:
    """Files are read by their content."""
    path = tmp_path / "old.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerows([["id", "passed"], *([f"q{place}", "true"] for place in range(3))])
    jsonl = tmp_path / "new.jsonl"
    jsonl.write_text(
        "".join(json.dumps({"id": f"q{place}", "passed": False}) + "\n" for place in range(3)), encoding="utf-8"
    )

    result = compare_files(tmp_path, registry, path, jsonl)

    assert (1.0, 0.0) == (_mean(result, "old"), _mean(result, "new"))
