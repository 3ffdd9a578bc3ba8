"""The forms of a model: the same weights behind several engines, and whether their answers are equivalent."""

from __future__ import annotations

from typing import Literal

import attrs

from llmops_sdk.values.estimates import Estimate


@attrs.frozen
class PlannedForms:
    """A model of the specification that is served in several forms: a planned model for each.

    Attributes:
        model: Its name in the specification.
        models: The planned models; the first one is the reference of the others.
        margin: The difference that does not matter, in the unit of the metric that decides.
    """

    model: str
    models: tuple[str, ...]
    margin: float


@attrs.frozen
class FirstDifference:
    """Where the answers of two forms to a record start to differ.

    Attributes:
        record: The record's place in the test split, from 1.
        word: The first word that differs, from 1; one more than both have where only white space differs.
        reference: That word of the reference's answer; empty where it has ended.
        candidate: That word of the other answer; empty where it has ended.
    """

    record: int
    word: int
    reference: str
    candidate: str


@attrs.frozen
class AnswerAgreement:
    """How far the answers of a form are those of the reference.

    Attributes:
        answers: The questions that both answered.
        identical: Those with the same answer, character by character.
        first: The first record whose answers differ, and where; None if none do.
        median_word: The first word that differs, the median over the answers that differ; None if none do.
    """

    answers: int
    identical: int
    first: FirstDifference | None = None
    median_word: float | None = None


@attrs.frozen
class Suspect:
    """What often makes the same weights answer differently, as the two endpoints report it.

    Attributes:
        name: Such as `chat template` or `context length`.
        reference: What that of the reference reports; empty where it reports nothing.
        candidate: What that of the form reports; empty where it reports nothing.
    """

    name: str
    reference: str
    candidate: str

    @property
    def state(self) -> Literal["same", "differs", "unknown"]:
        """Whether the two are the same, as far as both are known."""
        if not self.reference or not self.candidate:
            return "unknown"
        return "same" if self.reference == self.candidate else "differs"


FormOutcome = Literal["equivalent", "worse", "better", "undecided"]


@attrs.frozen
class FormResult:
    """One form against the reference.

    Attributes:
        candidate: The form's candidate.
        reference: The reference's candidate.
        outcome: `equivalent` if the difference is shown to lie within the margin, `worse` or `better` if it is shown to
            exceed it, else `undecided`.
        margin: The difference that does not matter, in the unit of the metric that decides.
        estimate: Of form minus reference; each end is a bound that holds with 95 % on its own. None without a common score.
        agreement: How far the answers are the same.
        suspects: What the two endpoints report.
        text: The same in sentences.
    """

    candidate: str
    reference: str
    outcome: FormOutcome
    margin: float
    estimate: Estimate | None
    agreement: AnswerAgreement
    suspects: tuple[Suspect, ...]
    text: str


@attrs.frozen
class FormsResult:
    """The forms of one model, with one prompt, on one dataset.

    Attributes:
        model: The model's name in the specification.
        reference: The candidate that is the reference.
        forms: The others.
        without: Those that cannot be compared, because they or the reference have no result.
        headline: What is shown of all of them, in a sentence.
    """

    model: str
    reference: str
    forms: tuple[FormResult, ...]
    without: tuple[str, ...]
    headline: str
