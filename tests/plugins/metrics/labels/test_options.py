"""Labels that are none are refused when the pipeline is built."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.labels.options import ClassificationOptions


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "labels are two or more different texts"),
        (("yes",), "labels are two or more different texts"),
        (("yes", "Yes."), "labels are two or more different texts"),
        (("yes", ""), "one of labels is empty, or punctuation that does not count"),
        (("yes", "?!"), "one of labels is empty, or punctuation that does not count"),
    ],
)
def test_labels_are_two_or_more(labels: tuple[str, ...], message: str) -> None:
    """That differ in more than case and punctuation around them."""
    with pytest.raises(ValueError, match=message):
        ClassificationOptions(labels=labels)


def test_ways_to_read_are_known() -> None:
    """Four of them."""
    with pytest.raises(ValueError, match="read is one of only, first, last, whole, not 'all'"):
        ClassificationOptions(labels=("a", "b"), read="all")
