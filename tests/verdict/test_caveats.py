"""What a verdict must not be read without."""

from __future__ import annotations

from typing import Any

import attrs

from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.results import CellResult
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.caveats import find_caveats

ROUGE = Metric("rougeL", "ROUGE-L")


def cell(name: str, records: int = 44, *, scored: int = 44, **counts: Any) -> CellResult:
    """A cell with 44 answers."""
    estimates = {"rougeL": Estimate(0.3, 0.2, 0.4, scored)} if scored else {}
    result = CellResult(f"{name}.p.d", name, name, "p", False, records, records, estimates, {}, None, None, {})
    return attrs.evolve(result, **counts)


def test_a_few_empty_or_cut_answers_are_no_caveat() -> None:
    """Below a tenth, and alike for the candidates."""
    assert () == find_caveats((cell("tuned", cut=4, empty=1), cell("base", cut=3)), ROUGE)


def test_many_answers_cut_off_are_named() -> None:
    """With the counts of every candidate that has some."""
    (caveat,) = find_caveats((cell("tuned", cut=11), cell("base", cut=38), cell("other")), ROUGE)
    assert "11 of 44 answers of tuned and 38 of 44 of base were cut off at max_new_tokens." == caveat


def test_candidates_that_differ_are_named() -> None:
    """Five percentage points apart."""
    (caveat,) = find_caveats((cell("tuned", empty=3), cell("base")), ROUGE)
    assert "3 of 44 answers of tuned are empty." == caveat


def test_records_without_the_metric_are_named() -> None:
    """A mean of one record in 32 is not the mean of 32."""
    (caveat,) = find_caveats((cell("tuned", 32, scored=1),), ROUGE)
    assert "31 of 32 records of tuned have no ROUGE-L." == caveat


def test_many_candidates_are_not_all_named() -> None:
    """Four, and the number of the others."""
    (caveat,) = find_caveats([cell(f"c{number}", cut=44) for number in range(7)], ROUGE)
    assert caveat.endswith("44 of 44 of c3 and those of 3 more candidates were cut off at max_new_tokens.")


def test_failures_that_count_as_the_worst_score_are_named() -> None:
    """Where they are many, or more than another candidate's."""
    (caveat,) = find_caveats((cell("tuned", failures={"rougeL": 4}), cell("base", failures={"other": 40})), ROUGE)
    assert "4 of 44 records of tuned have no usable answer and count as the worst ROUGE-L." == caveat


def test_a_model_that_was_still_reasoning_is_named() -> None:
    """Where it was for many records."""
    assert () == find_caveats((cell("tuned", cut_reasoning=1),), ROUGE)
    (caveat,) = find_caveats((cell("tuned", cut_reasoning=9), cell("base")), ROUGE)
    assert "9 of 44 records of tuned were cut off while the model was reasoning." == caveat


def test_a_server_that_ignores_the_form_or_changes_its_model_is_named() -> None:
    """Even for a single answer."""
    caveats = find_caveats(
        (cell("a", malformed=1), cell("b", models={"m-1": 40, "m-2": 4}), cell("c", models={"m": 44})), ROUGE
    )
    assert (
        "1 of 44 answers of a are not JSON of the form that response_format asks for.",
        "The endpoint of b reported 2 models: m-1 (40), m-2 (4).",
    ) == caveats


def test_candidates_that_were_computed_differently_are_named() -> None:
    """A run that was resumed on another machine; details that one endpoint does not report are not compared."""
    endpoints = ({"dtype": "bfloat16", "kernel": "a"}, {"dtype": "float32", "kernel": "a"}, {"region": "us-east-1"})
    cells = [cell(name, endpoint=endpoint) for name, endpoint in zip(("tuned", "base", "far"), endpoints, strict=True)]

    (caveat,) = find_caveats(cells, ROUGE)

    assert caveat.startswith(
        "The candidates were not computed alike: their number format is bfloat16 for tuned and float32 for base; run again"
    )
    assert () == find_caveats([cells[0], cells[2]], ROUGE)


def test_candidates_that_were_not_asked_alike_are_named() -> None:
    """With the exceptions of their models; exceptions that all of them have change no comparison."""
    varied = {"varies": "temperature left out"}
    one, two, plain = cell("o4", endpoint=varied), cell("o5", endpoint=varied), cell("base")

    (caveat,) = find_caveats((one, plain), ROUGE)

    assert "Some candidates were asked with other generation options: o4 (temperature left out)." == caveat
    assert () == find_caveats((one, two), ROUGE)


def test_records_that_are_left_out_for_all_are_named_once() -> None:
    """Not as records that each candidate lacks; a few need no words."""
    cells = (cell("tuned", scored=34), cell("base", scored=34))

    assert (
        "10 of 44 records are left out for all candidates: ROUGE-L has no value for an answer to them.",
    ) == find_caveats(cells, ROUGE, 10)
    assert () == find_caveats((cell("tuned", scored=42), cell("base", scored=42)), ROUGE, 2)
