"""Options of multiple choice that make no sense are refused when the pipeline is built."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.choices.options import ChoiceLikelihoodOptions, MultipleChoiceOptions


@pytest.mark.parametrize("letters", ["", "A", "AB1", "ABA", "ABa", "Ä\u00d6"])
def test_letters_are_two_or_more_different_ones(letters: str) -> None:
    """Of A-Z; upper and lower case are the same."""
    with pytest.raises(ValueError, match="letters are two or more different letters of A-Z, such as ABCD, not"):
        MultipleChoiceOptions(letters=letters)


@pytest.mark.parametrize("metrics", [(), ("acc", "acc"), ("accuracy",)])
def test_metrics_are_known_ones(metrics: tuple[str, ...]) -> None:
    """Each once."""
    with pytest.raises(ValueError, match="acc, acc_norm"):
        ChoiceLikelihoodOptions(metrics=metrics)
