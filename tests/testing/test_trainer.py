"""The trainer of the kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import EndpointError
from llmops_sdk.plugin import BaseModel
from llmops_sdk.testing import EchoTrainer, EchoTrainerOptions, Lines, LinesOptions, PlainPrompt, make_context

BASE = BaseModel(format="echo", source="loud")


def test_it_leaves_a_voice_and_counts_the_records(tmp_path: Path) -> None:
    """The voice is the trained model's only weight."""
    context = make_context(tmp_path)
    splits = Lines(LinesOptions(records=10)).load(context)

    trained = EchoTrainer(EchoTrainerOptions(voice="quiet")).train(context, BASE, splits, PlainPrompt(None).template())

    assert "quiet" == (tmp_path / trained.uri).read_text(encoding="utf-8")
    assert {"rows": 5} == trained.metrics
    assert BASE == trained.base


def test_it_fails_on_request(tmp_path: Path) -> None:
    """The option `fails` is for tests of failed steps."""
    context = make_context(tmp_path)
    splits = Lines(LinesOptions()).load(context)

    with pytest.raises(EndpointError, match="the option 'fails' is set"):
        EchoTrainer(EchoTrainerOptions(fails=True)).train(context, BASE, splits, PlainPrompt(None).template())
