"""Encoders computed by torch: the architectures of FMEval's own encoders."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.metrics.bertscore.score import BertScore
from llmops_plugins.metrics.bertscore.torch import TorchEncoder
from llmops_plugins.metrics.pairs import Pair

from .conftest import Expected, Load, Texts, our_f1


def test_the_architectures_of_fmevals_encoders_score_as_in_bert_score(
    tiny_encoder: Path, pairs: Texts, odd_pairs: Texts, encoder: Load, expected_f1: Expected
) -> None:
    """RoBERTa (a space before the first word) and DeBERTa, cut at their second layer, with random weights, by torch."""
    readable = [
        pair for pair in odd_pairs if not any("\ud800" <= letter < "\ue000" for text in pair for letter in text)
    ]
    short = [(output[:200], reference[:200]) for output, reference in (*pairs[:20], *readable)]
    slow = encoder(tiny_encoder, 2)

    assert isinstance(slow, TorchEncoder)
    assert expected_f1(tiny_encoder, 2, short) == pytest.approx(our_f1(slow, short), abs=1e-5, rel=0)


def test_a_tokenizer_without_a_limit_is_cut_at_the_encoders_positions(tiny_encoder: Path, encoder: Load) -> None:
    """RoBERTa's positions end at max_position_embeddings - 2; a longer text is cut there and does not fail."""
    slow = encoder(tiny_encoder, 1)

    assert len(slow.tokens("word " * 1000)) == slow.max_tokens == 256
    assert len(BertScore(slow).score([Pair("word " * 1000, "word")])) == 1


def test_roberta_reads_a_space_before_the_text(tiny_encoder: Path, encoder: Load) -> None:
    """As in bert_score; other tokenizers read the text alone, and an empty text is the two separators."""
    slow = encoder(tiny_encoder, 1)
    assert isinstance(slow, TorchEncoder)
    expected = {"roberta": ["<s>", "Ġ", "h", "i", "</s>"], "deberta": ["[CLS]", "h", "i", "[SEP]"]}

    first, last = (tokens := expected[tiny_encoder.name.rstrip("0")])[0], tokens[-1]
    assert [tokens, [first, last]] == [
        slow._tokenizer.convert_ids_to_tokens(slow.tokens(text)) for text in ("hi ", " ")
    ]
