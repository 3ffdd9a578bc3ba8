"""The values of forms."""

from __future__ import annotations

import pytest

from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, FormResult, FormsResult, Suspect
from llmops_sdk.values.serial import from_json, to_json


@pytest.mark.parametrize(
    ("reference", "candidate", "state"),
    [("a", "a", "same"), ("a", "b", "differs"), ("", "b", "unknown"), ("a", "", "unknown"), ("", "", "unknown")],
)
def test_a_suspect_is_known_where_both_report_it(reference: str, candidate: str, state: str) -> None:
    """Two that report nothing are not the same."""
    assert state == Suspect("EOS", reference, candidate).state


def test_results_are_read_as_they_are_written() -> None:
    """As JSON, with and without a difference."""
    agreement = AnswerAgreement(10, 9, FirstDifference(1, 2, "a", "b"), 2.0)
    form = FormResult("m.q4", "m.local", "undecided", 0.05, None, agreement, (Suspect("EOS", "a", ""),), "Text.")
    family = FormsResult("m", "m.local", (form,), ("m.q8",), "Headline.")
    assert family == from_json(to_json(family), FormsResult)
