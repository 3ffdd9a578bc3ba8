"""The cards and the options of the metrics for any text. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_sdk import EvaluatorCard

CARDS: tuple[EvaluatorCard, ...] = ()
