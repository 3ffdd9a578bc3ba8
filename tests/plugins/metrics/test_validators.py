"""The validators that the options of the evaluators share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llmops_plugins.metrics.validators import one_of, some_of


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (("a", "x"), "no metric is called 'x'; known: a, b"),
        ((), "metrics are one or more of a, b, each once; the first one decides"),
        (("a", "a"), "each once"),
    ],
)
def test_metrics_are_known_and_each_once(value: tuple[str, ...], message: str) -> None:
    """At least one of them; the message has the known ones."""
    some_of(("a", "b"))(None, None, ("b", "a"))
    with pytest.raises(ValueError, match=message):
        some_of(("a", "b"))(None, None, value)


def test_a_choice_is_one_of_the_known() -> None:
    """The message names the option."""
    color = SimpleNamespace(name="color")
    one_of(("red", "blue"))(None, color, "blue")
    with pytest.raises(ValueError, match="color is one of red, blue, not 'green'"):
        one_of(("red", "blue"))(None, color, "green")
