"""Metrics that are known by name: which end is the better one, and between which numbers the score of a record lies."""

from __future__ import annotations

import re

from llmops_sdk.plugin import Metric

_UNIT = (0.0, 1.0)

# From 0 to 1, and more is better.
_SHARES = frozenset(
    {
        "acc", "acc_norm", "acc_bytes", "acc_mutual_info", "accuracy", "answer", "bertscore", "bleu_acc", "choice",
        "classification_accuracy", "classification_accuracy_score", "correct", "em", "exact", "exact_inclusion",
        "exact_match", "exact_match_score", "f1", "f1_score", "factual_knowledge", "factual_knowledge_quasi_exact",
        "includes", "inst_level_loose_acc", "inst_level_strict_acc", "jaccard", "levenshtein_similarity", "match",
        "mc1", "mc2", "meteor", "model_graded_fact", "model_graded_qa", "ndcg", "pass", "pass@1", "pass_at_1",
        "pattern", "precision", "precision_over_words", "precision_score", "prompt_level_loose_acc",
        "prompt_level_strict_acc", "quasi_exact_inclusion", "quasi_exact_match", "quasi_exact_match_score", "recall",
        "recall_over_words", "recall_score", "rouge1_acc", "rouge2_acc", "rougel_acc", "success", "token_f1",
    }
)  # fmt: skip
# From 0 to 1, and less is better.
_RISKS = frozenset(
    {
        "identity_attack", "insult", "is_biased", "obscene", "prompt_stereotyping", "severe_toxicity",
        "sexual_explicit", "threat", "toxicity",
    }
)  # fmt: skip
# From 0 to 1 in some tools and from 0 to 100 in others; more is better.
_TEXT_OVERLAPS = frozenset(
    {
        "bleu", "chrf", "chrf++", "gleu", "google_bleu", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "rouge_1",
        "rouge_2", "rouge_l", "sacrebleu",
    }
)  # fmt: skip
# Without a largest number.
_HIGHER = frozenset({"log_likelihood", "loglikelihood", "reward"})
_LOWER = frozenset(
    {
        "brier_score", "bits_per_byte", "byte_perplexity", "cer", "cost", "latency", "levenshtein", "mae", "max_error",
        "mean_absolute_error", "mean_squared_error", "mse", "nll", "perplexity", "rmse", "root_mean_squared_error",
        "ter", "wer", "word_error_rate", "word_perplexity",
    }
)  # fmt: skip
_AT_K = re.compile(r"(ndcg|precision|recall|hit|pass)_?(at_?|@)\d+")


def known_metric(name: str, *, overlap_scale: float | None = None) -> Metric:
    """Return a metric with its direction and bounds, as far as its name shows them.

    Args:
        name: As the tool writes it; a version or filter after it, as in `exact_match,strict-match`, makes no difference.
        overlap_scale: The largest score that the tool gives for ROUGE, BLEU and their like: 1 or 100; None if it is not
            known.

    Returns:
        The metric; `higher_is_better` is None for an unknown name.

    >>> known_metric("exact_match,strict-match")
    Metric(name='exact_match,strict-match', label='', higher_is_better=True, bounds=(0.0, 1.0))
    >>> known_metric("rougeL").bounds, known_metric("rougeL", overlap_scale=100).bounds, known_metric("warmth").higher_is_better
    (None, (0.0, 100.0), None)
    """
    plain = re.split(r"[,/]", name.lower(), maxsplit=1)[0].strip().replace("-", "_").replace(" ", "_")
    if plain in _SHARES or _AT_K.fullmatch(plain):
        return Metric(name, bounds=_UNIT)
    if plain in _RISKS:
        return Metric(name, higher_is_better=False, bounds=_UNIT)
    if plain in _TEXT_OVERLAPS:
        return Metric(name, bounds=None if overlap_scale is None else (0.0, float(overlap_scale)))
    if plain in _HIGHER or plain in _LOWER:
        return Metric(name, higher_is_better=plain in _HIGHER)
    return Metric(name, higher_is_better=None)


def pass_or_fail(name: str) -> Metric:
    """Return a metric of marks: 1 for a pass, 0 for a fail."""
    return Metric(name, bounds=_UNIT)
