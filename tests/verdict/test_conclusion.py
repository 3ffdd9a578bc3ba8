"""The verdict claims what the evidence carries, and no more."""

from __future__ import annotations

from llmops_sdk.values.results import CellResult, Difference, Estimate, FailedCell
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.conclusion import FEWEST, conclude

ROUGE = Metric("rougeL", "ROUGE-L")


def cell(name: str, mean: float) -> CellResult:
    """A cell with a mean."""
    estimates = {"rougeL": Estimate(mean, mean - 0.02, mean + 0.02, 40)}
    return CellResult(f"{name}.p.d", name, name, "p", False, 40, 40, estimates, {}, None, None, {})


def gap(name: str, low: float, high: float, records: int = 40) -> Difference:
    """A difference of a candidate to the best."""
    return Difference(name, "best", "rougeL", Estimate((low + high) / 2, low, high, records), 10, 30)


def test_a_difference_that_excludes_zero_is_settled() -> None:
    """The best one is significantly better, and the sentence has the difference and the number of records."""
    verdict = conclude("dolly", ROUGE, (cell("best", 0.3), cell("b", 0.2)), (gap("b", -0.15, -0.05),), ())

    assert verdict.settled
    assert () == verdict.tied
    text = verdict.text.replace("\N{MINUS SIGN}", "-")
    assert "It is significantly better than b: b differs by -0.100 [-0.150, -0.050] on the same 40 records." in text


def test_an_interval_that_includes_zero_settles_nothing() -> None:
    """Candidates without a significant difference are named as tied."""
    cells = (cell("best", 0.3), cell("b", 0.29), cell("c", 0.1))

    verdict = conclude("dolly", ROUGE, cells, (gap("b", -0.03, 0.01), gap("c", -0.3, -0.1)), ())

    assert not verdict.settled
    assert ("b",) == verdict.tied
    text = verdict.text.replace("\N{MINUS SIGN}", "-")
    assert "There is no significant difference from b on 40 records: b differs by -0.010 [-0.030, +0.010]" in text
    assert text.endswith("and the 95 % interval includes 0.")


def test_a_few_records_settle_nothing() -> None:
    """Below `FEWEST` records even a wide gap is not called settled."""
    verdict = conclude("d", ROUGE, (cell("best", 0.3), cell("b", 0.1)), (gap("b", -0.3, -0.1, FEWEST - 1),), ())

    assert not verdict.settled
    assert f"{FEWEST - 1} records are too few to decide: b differs by" in verdict.text


def test_lower_can_be_better() -> None:
    """For a metric where less is better, a positive gap is the worse one."""
    metric = Metric("rougeL", higher_is_better=False)

    assert conclude("d", metric, (cell("best", 0.1), cell("b", 0.3)), (gap("b", 0.1, 0.3),), ()).settled
    assert not conclude("d", metric, (cell("best", 0.1), cell("b", 0.3)), (gap("b", -0.1, 0.3),), ()).settled


def test_one_or_no_candidate_decides_nothing() -> None:
    """Without two scored candidates there is no decision, and the failed ones are mentioned."""
    failed = (FailedCell("b.p.d", "b", "train.b", "out of memory"),)

    alone = conclude("d", ROUGE, (cell("best", 0.3),), (), failed)
    none = conclude("d", ROUGE, (), (), failed)

    assert ("best", False) == (alone.best, alone.settled)
    assert "no other candidate to compare it with. 1 candidate could not be evaluated." in alone.text
    assert ("", False) == (none.best, none.settled)
