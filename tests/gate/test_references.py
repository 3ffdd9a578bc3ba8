"""What a candidate is compared with: found by its name, and refused where it does not fit, naming what differs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Run
from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.gate.evidence import read_evidence
from llmops_sdk.gate.references import References

from .conftest import RunIt, echoes


def references(run: Run, folder: Path, candidate: str = "loud", *varies: str) -> References:
    """Those of a gate in this folder."""
    return References(read_evidence(run), candidate, folder, None, varies)


def _edit(path: Path, change: Any) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_a_file_is_paired_by_content(finished: Run, baseline: Path) -> None:
    """Every record is found, in the order of the run."""
    found = references(finished, baseline.parent)
    (dataset,) = found.evidence.datasets

    reference = found.find(dataset, "baseline.json", "exact")

    assert "baseline.json (unsteady-1)" == reference.name
    assert list(range(60)) == reference.places.tolist()
    own = dataset.columns["unsteady-1"].scores["exact"]
    assert own.numbers.tolist() == reference.column.numbers.tolist()
    assert {} == found.notes


def test_the_order_of_the_records_makes_no_difference(run_it: RunIt, baseline: Path) -> None:
    """Another seed of the split has other records, of which those in common are paired where that is declared."""
    run = run_it(echoes(seed=1))
    found = references(run, baseline.parent, "loud", "data")
    (dataset,) = found.evidence.datasets

    reference = found.find(dataset, "baseline.json", "exact")

    records = json.loads(baseline.read_text(encoding="utf-8"))["datasets"]["lines"]
    assert 0 < len(reference.places) < 60
    for place, number in zip(reference.places, reference.column.numbers[0, 0], strict=True):
        assert [number] == records[dataset.hashes[place]]
    (note,) = found.notes
    assert note.startswith("The baseline 'baseline.json' differs in the records of 'lines' (")


def test_other_data_are_refused_with_their_number(run_it: RunIt, baseline: Path) -> None:
    """The message has what is gone, what is new, and both ways out."""
    run = run_it(echoes(seed=1))
    found = references(run, baseline.parent)

    with pytest.raises(DataError) as caught:
        found.find(found.evidence.datasets[0], "baseline.json", "exact")

    pattern = (
        r"the run cannot be compared with the baseline 'baseline.json': what differs is the records of 'lines' \(\d+ of its 60 are "
        r"gone and \d+ of 60 are new\); write the baseline again with llmops gate RUN --update, or declare it in the gate: varies: \[data\]"
    )
    assert re.fullmatch(pattern, str(caught.value))


def test_another_prompt_and_other_options_are_refused_together(run_it: RunIt, baseline: Path) -> None:
    """Everything that differs is named at once, and what is declared is noted instead."""
    run = run_it(echoes(prompt="alpaca").with_generation(max_new_tokens=64))
    found = references(run, baseline.parent, "loud", "generation")

    with pytest.raises(
        DataError, match=r"what differs is the template of the prompt .'bare' then, 'alpaca' now.; .*varies: \[prompt\]"
    ):
        found.find(found.evidence.datasets[0], "baseline.json", "exact")
    assert ["The baseline 'baseline.json' differs in max_new_tokens (128 then, 64 now)."] == list(found.notes)


def test_another_evaluator_is_refused(finished: Run, baseline: Path) -> None:
    """Its version is the hash of its options and its own version."""
    _edit(baseline, lambda data: data["evaluators"]["echo-score"].update(key="other"))
    found = references(finished, baseline.parent)

    with pytest.raises(DataError, match=r"what differs is the options or the version of evaluator 'echo-score'"):
        found.find(found.evidence.datasets[0], "baseline.json", "exact")


def test_a_candidate_of_the_run_is_a_reference(finished: Run, tmp_path: Path) -> None:
    """By its name; not the one that is judged."""
    found = references(finished, tmp_path)
    (dataset,) = found.evidence.datasets

    reference = found.find(dataset, "quiet", "exact")

    assert ("quiet", "quiet") == (reference.name, reference.candidate)
    with pytest.raises(SpecError, match=r"candidate 'loud' is what it must not be worse than: name another one"):
        found.find(dataset, "loud", "exact")


def test_what_is_not_there_is_named(finished: Run, baseline: Path) -> None:
    """A metric, a dataset, a file, a misspelled candidate."""
    found = references(finished, baseline.parent)
    (dataset,) = found.evidence.datasets

    with pytest.raises(DataError, match=r"has no scores of 'noise', only of exact; write it again"):
        found.find(dataset, "baseline.json", "noise")
    with pytest.raises(
        DataError, match=r"there is no file '.*other.json' for the baseline; write one with: llmops gate RUN --update"
    ):
        found.find(dataset, "other.json", "exact")
    with pytest.raises(
        DataError, match=r"has no candidate 'quite'; did you mean 'quiet'., and there is no file '.*quite'"
    ):
        found.find(dataset, "quite", "exact")
    _edit(baseline, lambda data: data["datasets"].update(sales=data["datasets"].pop("lines")))
    fresh = references(finished, baseline.parent)
    with pytest.raises(DataError, match=r"has no scores on 'lines', only on 'sales'; write it again"):
        fresh.find(dataset, "baseline.json", "exact")


def test_no_common_record_is_refused(finished: Run, baseline: Path) -> None:
    """Even where other data are declared."""
    _edit(baseline, lambda data: data["datasets"].update(lines={"0a": [1]}))
    found = references(finished, baseline.parent, "loud", "data")

    with pytest.raises(
        DataError, match=r"the baseline 'baseline.json' and the run have no record of 'lines' in common"
    ):
        found.find(found.evidence.datasets[0], "baseline.json", "exact")
