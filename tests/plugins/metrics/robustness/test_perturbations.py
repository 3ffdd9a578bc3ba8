"""The changes of a text are those of FMEval's own classes, with the same random numbers."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from llmops_plugins.metrics.robustness.options import PERTURBATIONS, PerturbationOptions
from llmops_plugins.metrics.robustness.perturbations import (
    butter_finger,
    perturb,
    random_upper_case,
    whitespace_add_remove,
)

_ASK = """
import json, sys
from fmeval.transforms.semantic_perturbations import AddRemoveWhitespace, ButterFinger, RandomUppercase

names = {
    "butter_finger": (ButterFinger, {"butter_finger_perturbation_prob": "perturbation_prob"}),
    "random_upper_case": (RandomUppercase, {"random_uppercase_corrupt_proportion": "uppercase_fraction"}),
    "whitespace_add_remove": (
        AddRemoveWhitespace, {"whitespace_add_prob": "add_prob", "whitespace_remove_prob": "remove_prob"}
    ),
}
all_copies = []
for text, options in json.load(sys.stdin):
    perturbation, arguments = names[options["perturbation_type"]]
    copies = options["num_perturbations"]
    all_copies.append(perturbation(
        "text", [str(copy) for copy in range(copies)], copies, options["seed"],
        **{theirs: options[ours] for ours, theirs in arguments.items()},
    ).perturb(text))
sys.stdout.write(json.dumps(all_copies))
"""
_LETTERS = "abcdefghijklmnopqrstuvwxyz     ABCXYZ.,!0129\n\t\u00a0\u2003ßİŉéKǅﬁ😀مש\u0131\ud800"


@pytest.mark.timeout(1800)  # the first test that needs FMEval's environment builds it
@pytest.mark.rare
def test_the_copies_are_those_of_fmeval(
    odd_texts: Sequence[str], pairs: Sequence[tuple[str, str]], fmeval_python: str
) -> None:
    """For prose, odd texts and random letters, for all three changes and random options."""
    shuffle = random.Random(7)
    noise = ["".join(shuffle.choices(_LETTERS, k=shuffle.randrange(80))) for _ in range(150)]
    texts = [*odd_texts, *noise, *(reference for _, reference in pairs[:20])]
    cases = [(text, _random_options(shuffle, name)) for text in texts for name in PERTURBATIONS]

    done = subprocess.run(
        [fmeval_python, "-c", _ASK],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    copies = [perturb(text, PerturbationOptions(**options)) for text, options in cases]
    assert json.loads(done.stdout) == copies
    assert any(copy != text for (text, _), changed in zip(cases, copies, strict=True) for copy in changed)


def _random_options(shuffle: random.Random, name: str) -> dict[str, Any]:
    return {
        "perturbation_type": name,
        "num_perturbations": shuffle.randrange(1, 6),
        "seed": shuffle.randrange(1000),
        "butter_finger_perturbation_prob": shuffle.random(),
        "random_uppercase_corrupt_proportion": shuffle.random(),
        "whitespace_add_prob": shuffle.random(),
        "whitespace_remove_prob": shuffle.random(),
    }


@given(text=st.text(st.characters(codec="ascii")), seed=st.integers(0, 10))
def test_typing_errors_keep_length_case_digits_and_punctuation(text: str, seed: int) -> None:
    """Even if every letter is mistyped."""
    changed = butter_finger(text, np.random.default_rng(seed), 1.0)

    assert len(changed) == len(text)
    for before, after in zip(text, changed, strict=True):
        assert after.islower() or not after.isalpha() if before.islower() else after == after.upper()
        assert before.isalpha() or after == before


@given(text=st.text(st.characters(codec="ascii")), proportion=st.floats(0, 1), seed=st.integers(0, 10))
def test_no_more_than_the_proportion_is_in_upper_case(text: str, proportion: float, seed: int) -> None:
    """Letters change in nothing except their case."""
    changed = random_upper_case(text, np.random.default_rng(seed), proportion)

    assert changed.lower() == text.lower()
    assert sum(after != before for after, before in zip(changed, text, strict=True)) <= int(len(text) * proportion)
    assert random_upper_case(text, np.random.default_rng(seed), 1.0) == text.upper()


@given(text=st.text(), add=st.floats(0, 1), remove=st.floats(0, 1), seed=st.integers(0, 10))
def test_only_white_space_is_added_and_removed(text: str, add: float, remove: float, seed: int) -> None:
    """Everything else stays, in its order."""
    changed = whitespace_add_remove(text, np.random.default_rng(seed), add, remove)

    assert "".join(changed.split()) == "".join(text.split())


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_copies_of_a_text_do_not_depend_on_other_texts(name: str) -> None:
    """The random numbers start again for each text; the copies of one text differ, and another seed gives others."""
    options = PerturbationOptions(perturbation_type=name)
    text = "A quick brown fox jumps over the lazy dog 10 times."
    first = perturb(text, options)
    perturb("something else", options)

    assert perturb(text, options) == first
    assert len(first) == 5 == len(set(first))
    assert first != perturb(text, PerturbationOptions(perturbation_type=name, seed=6))
