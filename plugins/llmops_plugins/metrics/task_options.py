"""The cards and the options of the evaluators for one task each. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.options import some_of
from llmops_sdk import EvaluatorCard, option

QA_METRICS = ("f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words")


@attrs.frozen(kw_only=True)
class QAAccuracyOptions:
    """Which metrics compare an answer with the accepted ones."""

    metrics: tuple[str, ...] = option(
        QA_METRICS, help=f"which of {', '.join(QA_METRICS)}; the first one decides", validator=some_of(QA_METRICS)
    )
    reference: str = option(
        "response", help="the record's field that holds the accepted answers", validator=validators.min_len(1)
    )
    delimiter: str = option("<OR>", help="stands between accepted answers; empty where the reference is one answer")


CARDS = (
    EvaluatorCard(
        name="qa-accuracy",
        summary="F1, exact match, precision and recall over words, with FMEval's definitions and values",
        load="llmops_plugins.metrics.qa:QAAccuracy",
        options=QAAccuracyOptions,
    ),
)
