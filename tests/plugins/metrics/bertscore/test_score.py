"""BERTScore has the values of the bert_score package, for MiniLM and for the architectures FMEval uses."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.bertscore import score as bertscore
from llmops_plugins.metrics.bertscore.onnx import OnnxEncoder
from llmops_plugins.metrics.bertscore.score import BertScore, bert_score
from llmops_plugins.metrics.bertscore.torch import TorchEncoder
from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_plugins.metrics.pairs import Pair, Unscorable
from llmops_sdk.plugin import Context

from .conftest import Expected, Load, Texts, our_f1


@pytest.mark.parametrize("layers", [6, 2])
def test_values_are_those_of_bert_score(
    minilm: Path, pairs: Texts, encoder: Load, expected_f1: Expected, layers: int
) -> None:
    """Within 1e-5 of the package, which encodes each pair on its own; with ONNX Runtime, and with torch."""
    texts = pairs[: 4 * layers]
    expected = expected_f1(minilm, layers, texts)
    fast = encoder(minilm, layers)

    assert isinstance(fast, OnnxEncoder)
    assert expected == pytest.approx(our_f1(fast, texts), abs=1e-5, rel=0)
    assert expected == pytest.approx(our_f1(TorchEncoder(minilm, layers), texts), abs=1e-5, rel=0)


@pytest.mark.slow
def test_values_on_real_texts_are_those_of_bert_score(
    minilm: Path, encoder: Load, expected_f1: Expected, real_pairs: Callable[[], Texts]
) -> None:
    """The first 300 characters of 100 passages and summaries of Dolly."""
    texts = [(output[:300], reference[:300]) for output, reference in real_pairs()[:100]]

    assert len(texts) == 100
    assert expected_f1(minilm, 6, texts) == pytest.approx(our_f1(encoder(minilm, 6), texts), abs=1e-5, rel=0)


def test_odd_texts_score_as_in_bert_score(minilm: Path, odd_pairs: Texts, encoder: Load, expected_f1: Expected) -> None:
    """Empty texts score 0; control characters, emoji and other scripts score what bert_score gives."""
    expected = expected_f1(minilm, 6, odd_pairs)

    assert expected == pytest.approx(our_f1(encoder(minilm, 6), odd_pairs), abs=1e-5, rel=0)
    assert expected[0] == 0.0


def test_a_reference_without_tokens_has_no_score(minilm: Path, encoder: Load) -> None:
    """The reason is given, instead of a 0 that would count as a wrong answer; other references are still compared."""
    score = BertScore(encoder(minilm, 6)).score
    (alone, beside, output) = score(
        [Pair("a word", "\u200b"), Pair("a word", "\u200b", ("a word",)), Pair("\u200b", "a")]
    )

    assert Unscorable("BERTScore's encoder reads no token of the reference") == alone
    assert isinstance(beside, dict)
    assert pytest.approx(1.0) == beside["bertscore"]
    assert {"bertscore": 0.0} == output


@pytest.mark.timeout(120)
def test_long_texts_are_cut_as_in_bert_score(minilm: Path, encoder: Load, expected_f1: Expected) -> None:
    """Everything beyond the encoder's maximum is cut, also where spaces or one word fill the start."""
    words = "word and another one, " * 5000
    texts = [
        (words, "One word."),
        ("One word.", words),
        ("x" * 9000 + " tail", "tail"),
        ("a" + " " * 9000 + "tail", "tail"),
    ]

    assert expected_f1(minilm, 6, texts) == pytest.approx(our_f1(encoder(minilm, 6), texts), abs=1e-5, rel=0)


def test_equal_texts_score_one_and_different_ones_less(minilm: Path, encoder: Load) -> None:
    """A higher value means more similar texts."""
    same, near, far = our_f1(
        encoder(minilm, 6), [(text, "The cat sat.") for text in ("The cat sat.", "A cat was sitting.", "Tax law.")]
    )

    assert math.isclose(same, 1.0, abs_tol=1e-5)
    assert far < near < same


def test_the_best_of_several_references_counts(minilm: Path, encoder: Load) -> None:
    """As in bert_score, the maximum is taken."""
    scorer = BertScore(encoder(minilm, 6))
    several, best = scorer.score(
        [Pair("A cat sat.", "Tax law.", ("The cat sat.", "")), Pair("A cat sat.", "The cat sat.")]
    )

    assert several == best


def test_a_text_is_encoded_once(minilm: Path, encoder: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """References that candidates share and outputs that repeat are not encoded again."""
    encoded: list[str] = []
    fast = encoder(minilm, 6)
    embed = fast.embed

    def counting(texts: Any) -> Any:
        texts = list(texts)
        encoded.extend(texts)
        return embed(texts)

    monkeypatch.setattr(fast, "embed", counting)
    scorer = BertScore(fast)
    first = scorer.score([Pair("one", "reference"), Pair("two", "reference"), Pair("two", "reference")])
    second = scorer.score([Pair("one", "reference"), Pair("three", "reference"), Pair("reference", "one")])

    assert encoded == ["reference", "one", "two", "three"]
    assert first[0] == second[0]


def test_the_scorer_is_shared_within_a_process(context: Context) -> None:
    """The score steps of a run's candidates reuse the references of the steps before them."""
    weights = find_weights(context, "minilm")

    assert bert_score(weights, 6, context.home) is bert_score(find_weights(context, "minilm"), 6, context.home)


def test_the_cache_of_references_is_limited(minilm: Path, encoder: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full cache drops one reference for each new one."""
    monkeypatch.setattr(bertscore, "_REFERENCE_BYTES", 3 * 4 * 384 * 2)  # two references of three tokens
    scorer = BertScore(encoder(minilm, 6))
    for reference in ("cat", "dog", "cat", "cow", "hen"):
        scorer.score([Pair("pet", reference)])
        assert len(scorer._references._embeddings) <= 2

    assert len(scorer._references._embeddings) == len(scorer._references._texts) == 2
