"""The whole answer: three outcomes, the baseline that is written, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Run
from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.gate.decide import decide, update_baselines
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.gate.specification import Gate, gate_from

from .conftest import RunIt, echoes

MARGIN = {"not_worse_than": "baseline.json", "margin": 0.1}


def gate_of(folder: Path = Path(), **data: Any) -> Gate:
    return gate_from(data, where="gate.yaml", folder=folder)


def test_go_no_go_and_inconclusive(finished: Run, baseline: Path) -> None:
    """The same conditions, three candidates."""
    gate = gate_of(baseline.parent, exact=MARGIN, failed_answers={"at_most": 0.1})

    loud, quiet, unsteady = (decide(finished, gate, candidate=name) for name in ("loud", "quiet", "unsteady-2"))

    assert ("GO", "all 2 conditions are shown to hold") == (loud.outcome.value, loud.text)
    assert "NO-GO" == quiet.outcome.value
    assert "1 of 2 conditions is shown to be broken: exact no worse than baseline.json by more than 0.1" == quiet.text
    assert "INCONCLUSIVE" == unsteady.outcome.value
    assert unsteady.needed_records is not None
    assert unsteady.needed_records > 60
    assert (None, None) == (loud.needed_records, quiet.needed_records)
    assert ("GO", "GO") == (loud.checks[1].outcome.value, quiet.checks[1].outcome.value)


def test_a_candidate_of_the_same_run_needs_no_file(finished: Run) -> None:
    """The gate is the verdict's test against a baseline."""
    decision = decide(finished, gate_of(exact={"not_worse_than": "quiet", "margin": 0.1}), candidate="loud")

    assert "no worse than quiet by more than 0.1: +1.000" in decision.checks[0].text
    assert Outcome.GO is decision.outcome


def test_the_best_of_several_has_wider_bounds(finished: Run, baseline: Path) -> None:
    """Chosen by the same scores, its bounds hold for all candidates together."""
    gate = gate_of(baseline.parent, exact={"at_least": 0.5})

    named, chosen = decide(finished, gate, candidate="loud"), decide(finished, gate)

    assert ("loud", "loud") == (named.candidate, chosen.candidate)
    assert named.checks[0].low is not None
    assert chosen.checks[0].low is not None
    assert chosen.checks[0].low < named.checks[0].low


def test_more_checks_make_no_go_harder_but_go_no_easier(finished: Run) -> None:
    """A NO-GO needs one of them, so they share the 5 %; a GO needs all."""
    one = decide(finished, gate_of(exact={"at_least": 0.5}), candidate="unsteady-1").checks[0]
    three = decide(
        finished,
        gate_of(exact={"at_least": 0.5}, failed_answers={"at_most": 0.1}, latency_p95={"at_most": 5}),
        candidate="unsteady-1",
    ).checks[0]

    assert one.low == three.low
    assert one.high is not None
    assert three.high is not None
    assert three.high > one.high


def test_every_dataset_is_checked_unless_one_is_named(run_it: RunIt) -> None:
    """A condition holds on each of them."""
    run = run_it(echoes(40, voices=("loud",)).with_dataset("lines", name="more", records=60))

    decision = decide(run, gate_of(exact=[{"at_least": 0.5}, {"at_least": 0.6, "dataset": "more"}]))

    assert [("lines", 0.5, 20), ("more", 0.5, 30), ("more", 0.6, 30)] == [
        (check.dataset, check.limit, check.records) for check in decision.checks
    ]
    assert "GO" == decision.outcome.value


def test_an_update_writes_what_the_conditions_name(finished: Run, tmp_path: Path) -> None:
    """The metrics that name the file, and no others; the same run writes the same file."""
    gate = gate_of(tmp_path, exact=[MARGIN, {"at_least": 0.5}], noise={"not_worse_than": "b/noise.json", "margin": 0.1})

    written = update_baselines(finished, gate, candidate="loud")

    assert [tmp_path / "baseline.json", tmp_path / "b" / "noise.json"] == list(written)
    first = written[tmp_path / "baseline.json"]
    assert ("loud", ("exact",), 60, 0) == (first.candidate, first.metrics, first.records, first.missing)
    text = (tmp_path / "baseline.json").read_text(encoding="utf-8")
    update_baselines(finished, gate, candidate="loud", baseline=None)
    assert text == (tmp_path / "baseline.json").read_text(encoding="utf-8")
    assert "GO" == decide(finished, gate, candidate="loud").checks[1].outcome.value


def test_another_path_stands_for_the_file(finished: Run, tmp_path: Path) -> None:
    """Where it is clear for which."""
    gate = gate_of(Path("nowhere"), exact=MARGIN)
    path = tmp_path / "mine.json"

    assert [path] == list(update_baselines(finished, gate, candidate="loud", baseline=path))
    assert "no worse than mine.json (loud)" in decide(finished, gate, candidate="loud", baseline=path).checks[0].text
    two = gate_of(exact=[MARGIN, {"not_worse_than": "other.json", "margin": 0.1}])
    with pytest.raises(
        SpecError, match=r"--baseline stands for one file, and gate.yaml names baseline.json and other.json"
    ):
        decide(finished, two, candidate="loud", baseline=path)
    with pytest.raises(SpecError, match=r"has no condition not_worse_than with a file"):
        decide(finished, gate_of(exact={"at_least": 0.5}), candidate="loud", baseline=path)
    with pytest.raises(SpecError, match=r"gate.yaml has no condition with a baseline file; add one"):
        update_baselines(finished, gate_of(exact={"at_least": 0.5}), candidate="loud")


def test_a_candidate_without_a_result_is_refused(run_it: RunIt) -> None:
    """With the step that failed."""
    run = run_it(echoes(40, voices=("quiet",)).with_model("echo", name="bad", trainer={"fails": True}))

    with pytest.raises(
        DataError, match=r"candidate 'bad' has no result on 'lines': step train.bad.bare.lines failed: "
    ):
        decide(run, gate_of(exact={"at_least": 0.5}), candidate="bad")
    with pytest.raises(DataError, match=r"candidate 'bad' has no scores to compare with on 'lines': step train.bad"):
        decide(run, gate_of(exact={"not_worse_than": "bad", "margin": 0.1}), candidate="quiet")
