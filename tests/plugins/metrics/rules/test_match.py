"""Exact match, contains and regular expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmops_plugins.metrics.rules.match import Match, contains
from llmops_plugins.metrics.rules.options import MatchOptions
from llmops_sdk.plugin import RecordScore, Scored, Unscored

ScoreAnswer = Callable[..., RecordScore]


@pytest.mark.parametrize(
    ("output", "reference", "options", "exact", "contained"),
    [
        ("Paris", "Paris", {}, 1, 1),
        ("  Paris\n", "Paris", {}, 1, 1),
        ("Paris  in\tMay", "Paris in May", {}, 1, 1),
        ("paris", "Paris", {}, 0, 0),
        ("paris", "Paris", {"ignore_case": True}, 1, 1),
        ("Paris.", "Paris", {}, 0, 1),
        ("Paris.", "Paris", {"ignore_punctuation": True}, 1, 1),
        ("It is Paris, of course", "Paris", {}, 0, 1),
        ("Parisian", "Paris", {}, 0, 0),
        ("Parisian", "Paris", {"whole_words": False}, 0, 1),
        ("Lyon", ["Paris", "Lyon"], {}, 1, 1),
        ("Lyon", ["Paris", "Lyon"], {"require_all": True}, 1, 0),
        ("Lyon and Paris", ["Paris", "Lyon"], {"require_all": True}, 0, 1),
        ("", "Paris", {}, 0, 0),
        ("STRASSE", "straße", {"ignore_case": True}, 1, 1),
        ("e\u0301te\u0301", "été", {}, 1, 1),
        ("ΟΔΟΣ", "οδος", {"ignore_case": True}, 1, 1),
        ("我在北京工作", "北京", {}, 0, 1),
        ("use C++ here", "C++", {}, 0, 1),
        ("!!!", ["...", "!"], {}, 0, 1),
    ],
)
def test_texts_are_compared(
    score_answer: ScoreAnswer, output: str, reference: Any, options: dict[str, Any], exact: float, contained: float
) -> None:
    """With single spaces and composed letters; case and punctuation count unless the options say otherwise."""
    score = score_answer(Match(MatchOptions(**options)), output, response=reference)

    assert Scored(3, {"match_exact": exact, "match_contains": contained}) == score


@pytest.mark.parametrize(
    ("output", "pattern", "options", "expected"),
    [
        ("Order 123-45", r"\d{3}-\d{2}", {}, 1),
        ("Order 12-45", r"\d{3}-\d{2}", {}, 0),
        ("yes\nno", r"^no$", {}, 0),
        ("yes\nno", r"(?m)^no$", {}, 1),
        ("YES", "yes", {"ignore_case": True}, 1),
        ("", r"^$", {}, 1),
        ("a.b", r"a\.b", {}, 1),
    ],
)
def test_a_pattern_is_searched_for(
    score_answer: ScoreAnswer, output: str, pattern: str, options: dict[str, Any], expected: float
) -> None:
    """One pattern for all records, which need no reference, or one of each record's own."""
    metrics = ("match_regex",)
    of_all = Match(MatchOptions(metrics=metrics, pattern=pattern, **options))
    of_each = Match(MatchOptions(metrics=metrics, pattern_field="form", **options))

    assert Scored(3, {"match_regex": expected}) == score_answer(of_all, output)
    assert Scored(3, {"match_regex": expected}) == score_answer(of_each, output, form=pattern)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("(a", "the field 'form' is no regular expression: missing ), unterminated subpattern at position 0"),
        ("", "the field 'form' must be a regular expression, not ''"),
        (5, "the field 'form' must be a regular expression, not '5'"),
    ],
)
def test_a_record_whose_pattern_is_none_is_left_out(score_answer: ScoreAnswer, form: Any, message: str) -> None:
    """It is not the candidate's fault."""
    evaluator = Match(MatchOptions(metrics=("match_regex",), pattern_field="form"))

    assert Unscored(3, message) == score_answer(evaluator, "a", form=form)


def test_the_answer_is_extracted_first(score_answer: ScoreAnswer) -> None:
    """The last match counts, its first group where it has one; an answer without a match is a failure."""
    evaluator = Match(MatchOptions(metrics=("match_exact",), extract=r"answer is (\w+)"))

    score = score_answer(evaluator, "The answer is 5. No: the answer is 7.", response="7")
    assert Scored(3, {"match_exact": 1.0}, {"extracted": "7"}) == score
    failure = Unscored(3, "nothing in the answer matches extract 'answer is (\\\\w+)'", is_failure=True)
    assert failure == score_answer(evaluator, "7", response="7")
    whole = Match(MatchOptions(metrics=("match_exact",), extract=r"\d+"))
    assert Scored(3, {"match_exact": 1.0}, {"extracted": "7"}) == score_answer(whole, "5, then 7", response="7")
    optional = Match(MatchOptions(metrics=("match_exact",), extract=r"a(b)?"))
    assert Scored(3, {"match_exact": 0.0}, {"extracted": ""}) == score_answer(optional, "a", response="b")


def test_punctuation_alone_is_no_reference_where_it_is_ignored(score_answer: ScoreAnswer) -> None:
    """Every output would contain it."""
    evaluator = Match(MatchOptions(ignore_punctuation=True))

    assert Unscored(3, "the reference field 'response' is punctuation only") == score_answer(
        evaluator, "a", response="?!"
    )


@pytest.mark.parametrize(
    ("output", "text", "expected"),
    [
        ("women and men", "men", True),
        ("women", "men", False),
        ("men_1", "men", False),
        ("Größe", "Gr", False),
        ("서울은 크다", "서울", True),
        ("ประเทศไทย", "ไทย", True),
        ("a-b", "b", True),
    ],
)
def test_whole_words_end_where_their_script_has_words_end(output: str, text: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """Scripts without spaces, and particles that follow directly, are no obstacle."""
    assert expected == contains(output, text, whole_words=True)
