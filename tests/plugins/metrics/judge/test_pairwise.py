"""A judge of pairs: both orders are asked, an answer that flips is a tie, and anything unclear has no score."""

from __future__ import annotations

import re
from typing import Any

import pytest

from llmops_plugins.metrics.judge.options import PairwiseOptions
from llmops_plugins.metrics.judge.pairwise import PairwiseJudge, parse_choice
from llmops_plugins.metrics.pairs import Unscorable
from llmops_sdk.plugin import Context, RecordScore, Scored, ScoredRecord, Unscored

from .conftest import Serve, generation

TEXTS = re.compile(r"<(first|second)-[0-9a-f]+>\n(.*?)\n</", re.DOTALL)


def _longer(prompt: str) -> str:
    """Prefer the longer text; of equal ones, neither."""
    texts = dict(TEXTS.findall(prompt))
    gap = len(texts["first"]) - len(texts["second"])
    return f"Reasons.\nBetter: {1 if gap > 0 else 2 if gap else 0}"


def _judged(step: Context, url: str, outputs: list[str], **options: Any) -> tuple[PairwiseJudge, list[RecordScore]]:
    judge = PairwiseJudge(PairwiseOptions(url=url, **options))
    generations = [generation(place, output, response="middle") for place, output in enumerate(outputs)]
    return judge, list(judge.evaluate(step, generations))


def test_both_orders_are_asked_and_a_win_is_one_in_both(step: Context, serve: Serve) -> None:
    """A longer output wins, a shorter one loses, an equally long one ties; the notes have both judgments."""
    endpoint = serve(_longer)
    _, scores = _judged(step, endpoint.url, ["the longest", "short", "medium"])

    assert [1.0, 0.0, 0.5] == [score.scores["wins"] for score in scores if isinstance(score, Scored)]
    assert 6 == len(endpoint.prompts)
    first = scores[0]
    assert isinstance(first, Scored)
    expected = {"judgment_output_first": "Reasons.\nBetter: 1", "judgment_output_second": "Reasons.\nBetter: 2"}
    assert expected == first.notes


@pytest.mark.parametrize(
    ("choices", "score"), [("11", 0.5), ("22", 0.5), ("10", 0.5), ("02", 0.5), ("12", 1), ("21", 0)]
)
def test_an_answer_that_flips_is_a_tie(step: Context, serve: Serve, choices: str, score: float) -> None:
    """The same place named twice, or one order undecided: neither text is better."""

    def answer(prompt: str) -> str:
        output_first = dict(TEXTS.findall(prompt))["first"] == "own"
        return f"Better: {choices[0] if output_first else choices[1]}"

    judge, scores = _judged(step, serve(answer).url, ["own"])
    summary = judge.summary([ScoredRecord({}, scores[0])])

    assert isinstance(scores[0], Scored)
    assert score == scores[0].scores["wins"]
    assert summary is not None
    assert [("flipped", float(choices in ("11", "22")))] == [(value.name, value.value) for value in summary.values]


def test_repetitions_are_averaged_and_agree_with_themselves(step: Context, serve: Serve) -> None:
    """Each repetition asks both orders; the summary has the agreement of the repetitions too."""
    endpoint = serve(_longer)
    judge, scores = _judged(step, endpoint.url, ["the longest", "short"], repeats=2, temperature=0.5)
    summary = judge.summary([ScoredRecord({}, score) for score in scores])

    assert 8 == len(endpoint.prompts)
    assert [1.0, 0.0] == [score.scores["wins"] for score in scores if isinstance(score, Scored)]
    assert summary is not None
    assert {"flipped": 0.0, "self_agreement": 1.0, "same_score": 1.0} == {v.name: v.value for v in summary.values}


def test_an_order_without_an_answer_has_no_score(step: Context, serve: Serve) -> None:
    """One judgment of two is no comparison; nothing is guessed, and nothing is summed up."""
    judge, scores = _judged(
        step,
        serve(lambda prompt: "Both." if dict(TEXTS.findall(prompt))["first"] == "own" else "Better: 1").url,
        ["own"],
    )

    (score,) = scores
    assert isinstance(score, Unscored)
    assert "the judge's last line does not name a text: 'Both.'" == score.error
    assert judge.summary([ScoredRecord({}, score)]) is None


def test_a_record_without_the_other_text_is_not_asked(step: Context, serve: Serve) -> None:
    """The reason names the field."""
    endpoint = serve(_longer)
    _, scores = _judged(step, endpoint.url, ["own"], versus="their_answer")

    assert isinstance(scores[0], Unscored)
    assert "the record has no field 'their_answer'" in scores[0].error
    assert [] == endpoint.prompts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "{rubric} {first}"}, "no placeholder {second}, so the judge would not see the second text"),
        ({"prompt": "{first} {second}", "rubric": "shorter"}, "the prompt has no placeholder {rubric}"),
        ({"repeats": 2}, "repeats above 1 need a temperature above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    """Both texts are shown, and so is a rubric that is given."""
    with pytest.raises(ValueError, match=re.escape(message)):
        PairwiseOptions(url="http://127.0.0.1:1/v1", **options)


@pytest.mark.parametrize(
    ("answer", "choice"),
    [("Better: 1", 1.0), ("x\n**Better:** text 2", -1.0), ("BETTER TEXT: 0.", 0.0), ("Better: 1\n```", 1.0)],
)
def test_a_choice_is_read_from_the_last_line(answer: str, choice: float) -> None:
    """With markup, or the word `text`."""
    assert choice == parse_choice(answer)


@pytest.mark.parametrize("answer", ["", "Better: 3", "Better: 1 or 2", "Better: 1\nThat is all.", "1"])
def test_any_other_last_line_names_no_text(answer: str) -> None:
    """Nothing is guessed."""
    assert isinstance(parse_choice(answer), Unscorable)
