"""For which references metrics are defined."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llmops_plugins.metrics.defined import OnDefined, rouge_problem, rouge_remark, words_problem
from llmops_plugins.metrics.pairs import Numbers, Outcome, Pair, Unscorable, note_of


class Lengths:
    """Scores a pair by the number of its references."""

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        return [{"references": float(len(pair.references))} for pair in pairs]


@pytest.mark.parametrize(
    ("reference", "is_defined", "is_noted"),
    [
        ("Rome, 2024", True, False), ("caf\u00e9 au lait", True, True), ("\u041f\u0440\u0438\u0432\u0435\u0442", False, True),
        ("\u4eca\u5929 a", False, True), ("...", False, False), ("\U0001f44d", False, False),
    ],
)  # fmt: skip
def test_rouge_is_defined_for_what_it_reads(reference: str, is_defined: bool, is_noted: bool) -> None:  # noqa: FBT001 - a table
    """At least half of the letters; dropped ones are noted."""
    assert (is_defined, is_noted) == (rouge_problem(reference) == "", rouge_remark(reference) != "")


def test_words_are_letters_digits_and_symbols() -> None:
    """Not punctuation of any script."""
    assert ["", "", ""] == [words_problem(text) for text in ("a", "7.", "\U0001f44d")]
    assert all(words_problem(text) for text in ("...", "\u3002", " \t", "\u2014"))


def test_a_scorer_sees_the_references_that_are_defined() -> None:
    """Outcomes stay in the order of the pairs, with notes."""
    pairs = [Pair("x", "..."), Pair("x", "...", ("a", "\u00e1bcd")), Pair("x", "b")]
    undefined, several, one = OnDefined(Lengths(), rouge_problem, rouge_remark).score(pairs)
    assert isinstance(undefined, Unscorable)
    assert ({"references": 2}, {"references": 1}) == (several, one)
    assert isinstance(several, Numbers)
    assert note_of(several).endswith("it drops 1 of the 4 letters of the reference")
