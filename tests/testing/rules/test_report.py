"""Reports, and the lines of broken rules."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.testing import RULES, BrokenRulesError, CardReport, CheckReport, Problem


def test_a_broken_rule_is_one_line_with_its_fix() -> None:
    """The card, the rule, what happened, how to fix it."""
    problem = Problem("evaluator own", "numbers", "record 0: score is nan")

    assert (
        "evaluator own breaks 'numbers': record 0: score is nan; fix: yield Unscored(generation.index, reason) where there is "
        "no number, and leave out the number in other places"
    ) == str(problem)


def test_a_report_lists_problems_or_what_was_checked() -> None:
    """The error has the text of the report."""
    problem = Problem("evaluator own", "seed", "the results differ")
    bad = CheckReport("own", (CardReport("evaluator own", (problem, problem)), CardReport("dataset own")))
    good = CheckReport("own", (CardReport("evaluator own", kept=("seed", "options"), left_out={"alone": "why not"}),))

    assert ["own: 2 broken rules", str(problem), str(problem)] == str(bad).splitlines()
    assert (str(bad), bad.problems) == (str(BrokenRulesError(bad)), BrokenRulesError(bad).problems)
    assert [
        "own: all rules that were checked are kept",
        "evaluator own: seed, options",
        "evaluator own: not checked: alone: why not",
    ] == str(good).splitlines()


def test_every_rule_says_what_it_asks_for_and_how_to_fix_it() -> None:
    """In words that need no full stop; the reference has them all."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
    for name, (summary, fix) in RULES.items():
        assert f"| `{name}` | {summary} |" in page
        assert summary[0].islower()
        assert not summary.endswith(".")
        assert fix
