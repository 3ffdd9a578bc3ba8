"""A judge's agreement with itself."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.judge.agreement import self_agreement


def test_repeated_scores_have_the_alpha_of_the_package_krippendorff() -> None:
    """The example of Krippendorff's paper, with holes: .849; of its 11 outputs with two scores or more, 8 have one score."""
    raters = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    outputs = [[float(score) for score in scores if score is not None] for scores in zip(*raters, strict=True)]

    summary = self_agreement(outputs)

    assert summary is not None
    assert {"self_agreement": pytest.approx(0.8491071428571428), "same_score": pytest.approx(8 / 11)} == {
        value.name: value.value for value in summary.values
    }


def test_without_two_scores_or_variation_there_is_none() -> None:
    """One score for each output, or one for all."""
    assert self_agreement([[1.0], [2.0]]) is None
    assert self_agreement([[3.0, 3.0], [3.0, 3.0]]) is None
    assert self_agreement([]) is None
