"""The sentences on grades: agreement known, unknown, and between people."""

from __future__ import annotations

import attrs

from llmops_sdk.values.estimates import Estimate
from llmops_sdk.values.grades import Grading
from llmops_sdk.verdict.grading.words import agreement_sentences

GRADING = Grading("judge", ("ann",), 50, 25, Estimate(0.5, 0.25, 0.75, 50), None, 0.5, {}, {}, "")


def test_the_agreement_is_named_with_its_interval() -> None:
    """One person, and the interval of alpha."""
    assert [
        "Agreement of Judge with people, Krippendorff's alpha: 0.50 [0.25, 0.75] on 50 answers graded by one person."
    ] == list(agreement_sentences(GRADING, "Judge"))


def test_people_are_compared_and_scores_without_variation_named() -> None:
    """Without variation there is no alpha; of two people there is one between them."""
    grading = attrs.evolve(
        GRADING,
        graders=("ann", "bob"),
        with_judge=None,
        between_graders=Estimate(-0.1, None, None, 50),
    )

    unknown, between = agreement_sentences(grading, "Judge")

    assert unknown.startswith("The agreement of Judge with people is not known: on 50 answers graded by 2 people")
    assert "Agreement of people with each other: \N{MINUS SIGN}0.10 on 50 answers." == between
