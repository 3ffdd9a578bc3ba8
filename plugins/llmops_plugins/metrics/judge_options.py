"""The card and the options of `llm-judge`. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_sdk import EvaluatorCard

CARDS: tuple[EvaluatorCard, ...] = ()
