"""The sentences on forms."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.forms import AnswerAgreement, FirstDifference, FormResult, Suspect
from llmops_sdk.verdict.forms.words import family_headline, form_text, suspect_words

MINUS = "\N{MINUS SIGN}"
FORM = FormResult(
    "m.q4",
    "m.local",
    "equivalent",
    0.05,
    Estimate(-0.004, -0.012, 0.004, 100),
    AnswerAgreement(100, 41, FirstDifference(12, 7, "quick", "fast"), 9.0),
    (Suspect("dtype", "bfloat16", "Q8_0"),),
    "",
)


QUICK = "is at word 7 on record 12 (“quick” against “fast”), the median one at word 9. Different: dtype"
SPACE = "the first difference is at word 3 on record 1, the median one at word 3. Different: dtype"


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (FORM.agreement, f"41 of 100 answers are identical; the first difference {QUICK}"),
        (AnswerAgreement(9, 8, FirstDifference(1, 3, "", "fox"), 3.0), "word 3 on record 1 (nothing against “fox”), the median one at word 3."),
        (AnswerAgreement(9, 8, FirstDifference(1, 3, "", ""), 3.0), SPACE),
        (AnswerAgreement(100, 100), "+0.004]. All 100 answers are identical."),
        (AnswerAgreement(0, 0), "+0.004]. No record was answered by both."),
    ],
)  # fmt: skip
def test_answers_are_described(agreement: AnswerAgreement, words: str) -> None:
    """With the suspects, where any answer differs."""
    text = form_text(attrs.evolve(FORM, agreement=agreement), "")
    assert words in text
    assert ("Different:" in text) == (agreement.first is not None)


def test_an_undecided_form_has_its_reason() -> None:
    """Before the answers; without a common score there is no number."""
    undecided = attrs.evolve(FORM, outcome="undecided")
    numbers = f"{MINUS}0.004 [{MINUS}0.012, +0.004]"
    start = "m.q4 is not shown to be equivalent to m.local within 0.05: "
    assert form_text(undecided, "there are too few records").startswith(
        f"{start}{numbers}; there are too few records. 41 of"
    )
    nothing = attrs.evolve(undecided, estimate=None)
    assert form_text(nothing, "").startswith(f"{start}they have no scored record in common. 41 of")


def test_the_headline_counts_several_forms() -> None:
    """And states a single one in full."""
    forms = [FORM, attrs.evolve(FORM, candidate="m.q8"), attrs.evolve(FORM, candidate="m.q2", outcome="worse")]
    assert family_headline("m.local", forms, ["m.q1"]) == (
        "Of 3 forms compared with m.local, 2 are equivalent to it within 0.05 (m.q4, m.q8) and 1 is worse by more than 0.05 (m.q2). "
        "Whether m.q1 differs from m.local is not known: one of them has no result."
    )
    assert family_headline("m.local", forms[:2], []) == (
        "All 2 forms compared with m.local are equivalent to it within 0.05 (m.q4, m.q8)."
    )
    assert family_headline("m.local", [FORM], []).endswith(", +0.004]; 41 of 100 answers are identical.")
    assert "" == family_headline("m.local", [], [])


def test_suspects_are_different_the_same_or_not_known() -> None:
    """In this order."""
    suspects = [Suspect("BOS", "<s>", "<s>"), Suspect("EOS", "", "</s>"), Suspect("dtype", "float32", "Q4_0")]
    assert suspect_words(suspects) == "Different: dtype (float32 against Q4_0). The same: BOS. Not known of both: EOS."
    assert suspect_words(suspects[:1]) == "None of the usual suspects is known to differ. The same: BOS."
