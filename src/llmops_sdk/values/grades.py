"""Grades: what people gave for the answers of a run."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.values.estimates import Estimate


@attrs.frozen
class Grade:
    """A person's grade of one answer.

    Attributes:
        dataset: The dataset's name.
        candidate: The candidate whose answer it is.
        record: The record's place in the test split.
        grader: Who gave it.
        value: The grade, on the scale of the metric.
    """

    dataset: str
    candidate: str
    record: int
    grader: str
    value: float


@attrs.frozen
class Grades:
    """All grades of a run: the value of `grades.json`.

    Attributes:
        metric: The metric that people graded in the place of: its scale is that of the grades.
        offered: Dataset to the records that were drawn for grading, up to the last one that has a grade. On those that a
            candidate failed to answer, its answer counts as the worst grade without one.
        grades: The grades.
    """

    metric: str
    offered: Mapping[str, tuple[int, ...]]
    grades: tuple[Grade, ...]

    @property
    def graders(self) -> tuple[str, ...]:
        """Who graded, each once."""
        return tuple(dict.fromkeys(grade.grader for grade in self.grades))


@attrs.frozen
class Grading:
    """What people's grades show of the judge on one dataset.

    Attributes:
        metric: The metric that people graded in the place of.
        graders: Who graded.
        answers: The number of graded answers.
        records: The number of records with a grade of every candidate.
        with_judge: Krippendorff's alpha of the judge with people, by their mean grade: 1 is full agreement, 0 that of chance. Its
            records are answers, its interval is the bootstrap's. None where the scores or the grades do not vary.
        between_graders: The same of people with each other; None for a single grader.
        weight: How much the judge counts beside the grades, from 0 to 1.
        means: Candidate to its corrected mean; empty without a record that is graded for all.
        judge_means: Candidate to the mean of the judge alone, on the same records.
        text: The same in sentences.
    """

    metric: str
    graders: tuple[str, ...]
    answers: int
    records: int
    with_judge: Estimate | None
    between_graders: Estimate | None
    weight: float
    means: Mapping[str, Estimate]
    judge_means: Mapping[str, float]
    text: str
