"""ROUGE has the values of the `rouge_score` package, whichever engine computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from llmops_plugins.metrics.pairs import Pair
from llmops_plugins.metrics.tasks.options import ROUGE_METRICS
from llmops_plugins.metrics.tasks.rouge import Rouge, rouge_engine

Texts = Sequence[tuple[str, str]]


@pytest.mark.slow
def test_values_on_real_texts_are_those_of_rouge_score(real_pairs: Callable[[], Texts]) -> None:
    """To the last bit, for 250 passages and summaries of Dolly, by the engine that is used here."""
    from rouge_score.rouge_scorer import RougeScorer

    texts = [Pair(output, reference) for output, reference in real_pairs()]
    scorer = RougeScorer(list(ROUGE_METRICS), use_stemmer=True)
    expected = [
        {name: score.fmeasure for name, score in scorer.score(pair.reference, pair.output).items()} for pair in texts
    ]

    assert len(texts) == 250
    assert expected == Rouge(ROUGE_METRICS, use_stemmer=True, engine=rouge_engine()).score(texts)


@pytest.mark.parametrize("use_stemmer", [True, False])
def test_both_engines_give_the_values_of_rouge_score(
    pairs: Texts, odd_pairs: Texts, needs: Callable[..., None], *, use_stemmer: bool
) -> None:
    """To the last bit, for prose and for odd texts."""
    from rouge_score.rouge_scorer import RougeScorer

    needs("rouge_score_rs")
    scorer = RougeScorer(list(ROUGE_METRICS), use_stemmer=use_stemmer)
    texts = [Pair(output, reference) for output, reference in (*pairs, *odd_pairs)]
    expected = [
        {name: score.fmeasure for name, score in scorer.score(pair.reference, pair.output).items()} for pair in texts
    ]

    assert expected == Rouge(ROUGE_METRICS, use_stemmer=use_stemmer, engine="rouge-score-rs").score(texts)
    assert expected == Rouge(ROUGE_METRICS, use_stemmer=use_stemmer, engine="rouge-score").score(texts)


def test_the_stemmer_is_an_option() -> None:
    """With it, words of one stem match."""
    pair = [Pair("It rained.", "It rains.")]

    assert Rouge(["rouge1"], use_stemmer=True, engine=rouge_engine()).score(pair) == [{"rouge1": 1.0}]
    assert Rouge(["rouge1"], use_stemmer=False, engine=rouge_engine()).score(pair) == [{"rouge1": 0.5}]


@pytest.mark.parametrize(
    ("installed", "engine"), [("0.2.1", "rouge-score-rs"), ("0.2.9", "rouge-score-rs"), ("0.3.0", "rouge-score")]
)
def test_only_compared_versions_of_the_rust_engine_are_used(
    monkeypatch: pytest.MonkeyPatch, installed: str, engine: str
) -> None:
    """With any other version, rouge_score is used."""
    monkeypatch.setattr("llmops_plugins.metrics.tasks.rouge.version", lambda _: installed)

    assert engine == rouge_engine()


def test_without_the_rust_engine_rouge_score_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional: not every platform has a wheel of it."""
    from importlib.metadata import PackageNotFoundError

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("llmops_plugins.metrics.tasks.rouge.version", absent)

    assert rouge_engine() == "rouge-score"


@pytest.mark.timeout(60)
def test_twenty_thousand_words_do_not_stall() -> None:
    """A long output against a usual reference."""
    output = "word and another one " * 5000
    scores = Rouge(ROUGE_METRICS, use_stemmer=True, engine=rouge_engine()).score([Pair(output, "Another word. " * 60)])

    assert 0 < scores[0]["rougeL"] < 0.1


def test_the_best_of_several_references_counts() -> None:
    """Each type has its own best reference."""
    several = Pair("the cat sat", "the sat cat", ("a cat sat", ""))
    (scores,) = Rouge(["rouge1", "rouge2"], use_stemmer=True, engine=rouge_engine()).score([several])

    assert scores == {"rouge1": 1.0, "rouge2": 0.5}
