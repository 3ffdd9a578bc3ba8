"""METEOR has the values of FMEval's own call, and survives every text."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor import Meteor, WordTokenizer
from llmops_plugins.metrics.pairs import Pair
from llmops_sdk import MissingExtraError

Texts = Sequence[tuple[str, str]]


@pytest.fixture(scope="module")
def meteor(asset: Callable[[str], Path]) -> Meteor:
    return Meteor(asset("wordnet"), asset("punkt-tab"))


def fmeval_meteor(output: str, reference: str) -> float:
    """The call of `fmeval.transforms.summarization_accuracy_metrics.MeteorScore.compute_metric`."""
    from nltk import word_tokenize
    from nltk.translate.meteor_score import single_meteor_score

    value: float = single_meteor_score(reference=word_tokenize(reference), hypothesis=word_tokenize(output))
    return value


@pytest.mark.usefixtures("nltk_data")
def test_values_are_those_of_fmevals_call(meteor: Meteor, pairs: Texts) -> None:
    """Over NLTK's own WordNet reader and tokenizer, to the last bit."""
    expected = [{"meteor": fmeval_meteor(output, reference)} for output, reference in pairs]

    assert expected == meteor.score([Pair(output, reference) for output, reference in pairs])
    assert 0.3 < min(found["meteor"] for found in expected) < max(found["meteor"] for found in expected) < 1


@pytest.mark.usefixtures("nltk_data")
def test_odd_texts_score_as_in_fmeval(meteor: Meteor, odd_pairs: Texts) -> None:
    """Control characters, emoji, other scripts, halves of surrogate pairs."""
    for output, reference in odd_pairs:
        assert {"meteor": fmeval_meteor(output, reference)} == meteor.score([Pair(output, reference)])[0], output[:20]


@pytest.mark.usefixtures("nltk_data")
def test_words_are_those_of_word_tokenize(asset: Callable[[str], Path], pairs: Texts, odd_texts: Sequence[str]) -> None:
    """The tokenizer that reads its model from a folder splits as NLTK's function does."""
    from nltk import word_tokenize

    tokenizer = WordTokenizer(asset("punkt-tab"))
    for text in (*odd_texts, *(text for pair in pairs for text in pair)):
        assert word_tokenize(text) == tokenizer.tokenize(text)


def test_nltks_own_data_folders_are_not_needed(asset: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's NLTK set-up is read or changed."""
    from nltk import data

    monkeypatch.setattr(data, "path", [])
    scores = Meteor(asset("wordnet"), asset("punkt-tab")).score([Pair("I like cake.", "I like cake.")])

    assert scores == [{"meteor": 0.9921875}]
    assert data.path == []


def test_synonyms_count(meteor: Meteor) -> None:
    """A synonym is a match; another word is none."""
    same, synonym, other = meteor.score(
        [Pair(text, "a fast car") for text in ("a fast car", "a fast auto", "a fast cow")]
    )

    assert same == synonym
    assert other["meteor"] < synonym["meteor"]  # type: ignore[index]


def test_twenty_thousand_words_do_not_stall(meteor: Meteor) -> None:
    """Long outputs, in sentences and without any stop, are scored within seconds."""
    reference = "The quick brown fox jumps over the lazy dog."
    texts = ["word and another one, " * 5000, "Stop. Go! Now? " * 1000, "a" * 200_000, "?! " * 2000]
    started = time.process_time()
    scores = meteor.score([Pair(text, reference) for text in texts])

    assert all(isinstance(score, dict) for score in scores)
    assert time.process_time() - started < 30


def test_another_nltk_is_refused(asset: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A version with other values is named instead of being used."""
    monkeypatch.setattr("llmops_plugins.metrics.meteor.version", lambda _: "3.9.1")
    with pytest.raises(MissingExtraError, match=r"nltk 3\.10\.x, found 3\.9\.1"):
        Meteor(asset("wordnet"), asset("punkt-tab"))
