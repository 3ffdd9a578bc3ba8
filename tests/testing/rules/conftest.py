"""Trials of single cards in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.plugin import Card
from llmops_sdk.testing import CheckInputs
from llmops_sdk.testing.rules.trial import Job, Outcome
from llmops_sdk.testing.rules.trials import run_trial

Try = Callable[..., Outcome]


@pytest.fixture(name="tried")
def _tried(tmp_path: Path) -> Try:
    """Try a card once; the module of its implementation is that of the test."""

    def run(card: Card, cards: tuple[Card, ...] = (), run: tuple[str, str] = ("", ""), **inputs: Any) -> Outcome:
        return run_trial(Job(card=card, cards=cards or (card,), inputs=CheckInputs(**inputs), run=run), tmp_path)

    return run


def broken(outcome: Outcome) -> set[str]:
    """Return the rules that a trial broke."""
    return {rule for rule, _ in outcome.problems}


def text(outcome: Outcome) -> str:
    """Return what broke them."""
    return "\n".join(f"{rule}: {reason}" for rule, reason in outcome.problems)
