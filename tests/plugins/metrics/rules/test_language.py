"""The language of an answer, by py3langid."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from llmops_plugins.metrics.rules.language import Language, _identifier, weight_of
from llmops_plugins.metrics.rules.options import LANGUAGES, LanguageOptions
from llmops_sdk.plugin import RecordScore, Scored, Unscored
from llmops_sdk.testing import make_context

ScoreAnswer = Callable[..., RecordScore]
needs_identifier = pytest.mark.skipif(find_spec("py3langid") is None, reason="py3langid is not installed")
GERMAN = LanguageOptions(languages=("de",))


@needs_identifier
@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("The weather is fine today, and we go to the park.", "en"),
        ("Das Wetter ist heute sch\u00f6n, und wir gehen in den Park.", "de"),  # codespell:ignore
        ("Il fait beau aujourd'hui et nous allons au parc.", "fr"),
        ("Hoy hace buen tiempo y vamos al parque con los ni\u00f1os.", "es"),  # codespell:ignore
        ("Сегодня хорошая погода, и мы идём в парк.", "ru"),
        ("今天天气很好,我们去公园散步吧。", "zh"),
        ("今日は天気がいいので、公園に行きましょう。", "ja"),
        ("오늘은 날씨가 좋아서 우리는 공원에 갑니다.", "ko"),
    ],
)
def test_languages_are_identified(score_answer: ScoreAnswer, output: str, code: str) -> None:
    """The right one may be the same for all records, or in a field of each."""
    of_all = score_answer(Language(LanguageOptions(languages=(code,))), output)
    of_each = score_answer(Language(LanguageOptions(field="lang")), output, lang=code)
    other = score_answer(Language(LanguageOptions(languages=("nl", "it"))), output)

    assert isinstance(of_all, Scored)
    assert of_all == of_each
    assert ({"language_match": 1.0}, code) == (of_all.scores, of_all.notes["language"])
    assert isinstance(other, Scored)
    assert {"language_match": 0.0} == other.scores


@needs_identifier
def test_the_codes_are_those_of_the_identifier(tmp_path: Path) -> None:
    """`zxx` stands for no language, and is none that an answer could be in."""
    labels = set(_identifier().labels)
    assert LANGUAGES == labels - {"zxx"}
    assert {"py3langid": version("py3langid")} == Language(GERMAN).provenance(make_context(tmp_path))


def test_short_answers_are_left_out(score_answer: ScoreAnswer) -> None:
    """Their language cannot be known; an empty one is a failure."""
    reason = "the answer has fewer than 20 letters, too few to know its language"

    assert Unscored(3, reason) == score_answer(Language(GERMAN), "Ja, 42 * 17 = 714, ja.")
    assert Unscored(3, "the answer is empty", is_failure=True) == score_answer(Language(GERMAN), " ")
    assert (19, 21) == (weight_of("a" * 19 + "1!"), weight_of("今天天气很好吧"))


@pytest.mark.parametrize("code", ["english", "", None, "zxx"])
def test_a_record_without_a_language_is_left_out(score_answer: ScoreAnswer, code: str | None) -> None:
    """Its code is unknown."""
    score = score_answer(Language(LanguageOptions(field="lang")), "Guten Tag", lang=code)

    assert isinstance(score, Unscored)
    assert not score.is_failure
