"""Changes of a text that keep its meaning: typing errors, capitals, and spaces in wrong places.

The definitions are FMEval's, which took them from NL-Augmenter (Dhole et al., 2021, arXiv 2112.02721): the same text and
the same seed give the same copies as a new instance of FMEval 1.2.3's class of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from llmops_plugins.metrics.robustness.options import PerturbationOptions

# NL-Augmenter's table: the keys that a finger may hit instead of a key of a QWERTY keyboard. The key itself may be among
# them, and one that is listed twice is hit twice as often.
_NEAR = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm ",
        (
            *("qwasedzx", "wqesadrfcx", "ewrsfdqazxcvgt", "retdgfwsxcvgt", "tryfhgedcvbnju", "ytugjhrfvbnji"),
            *("uyihkjtgbnmlo", "iuojlkyhnmlp", "oipklujm", "plo['ik"),
            *("aqszwxwdce", "swxadrfv", "decsfaqgbv", "fdgrvwsxyhn", "gtbfhedcyjn", "hyngjfrvkim"),
            *("jhknugtblom", "kjlinyhn", "lokmpujn"),
            *("zaxsvde", "xzcsdbvfrewq", "cxvdfzswergb", "vcfbgxdertyn", "bvnghcftyun", "nbmhjvgtuik", "mnkjloik"),
            " ",
        ),
        strict=True,
    )
)


def perturb(text: str, options: PerturbationOptions) -> list[str]:
    """Return the changed copies of a text: `num_perturbations` of them, which may be equal to it or to each other.

    The random numbers start at the seed for every text, as in FMEval's `evaluate_sample`: the copies of a text do not
    depend on the texts before it.
    """
    random = np.random.default_rng(options.seed)
    return [_perturbed(text, options, random) for _ in range(options.num_perturbations)]


def _perturbed(text: str, options: PerturbationOptions, random: np.random.Generator) -> str:
    if options.perturbation_type == "butter_finger":
        return butter_finger(text, random, options.butter_finger_perturbation_prob)
    if options.perturbation_type == "random_upper_case":
        return random_upper_case(text, random, options.random_uppercase_corrupt_proportion)
    return whitespace_add_remove(text, random, options.whitespace_add_prob, options.whitespace_remove_prob)


def butter_finger(text: str, random: np.random.Generator, probability: float) -> str:
    """Return a text with typing errors: with this probability, each letter becomes a key near it and keeps its case."""
    letters = []
    for letter in text:
        small = letter.lower()
        typed = small
        if small in _NEAR and random.random() <= probability:
            near = _NEAR[small]
            typed = near[random.integers(len(near))]
        letters.append(typed if small == letter else typed.upper())
    return "".join(letters)


def random_upper_case(text: str, random: np.random.Generator, proportion: float) -> str:
    """Return a text with a proportion of its characters, rounded down, in upper case."""
    chosen = set(random.choice(len(text), int(len(text) * proportion), replace=False).tolist())
    return "".join(letter.upper() if place in chosen else letter for place, letter in enumerate(text))


def whitespace_add_remove(text: str, random: np.random.Generator, add: float, remove: float) -> str:
    """Return a text with spaces in wrong places.

    Args:
        text: The text.
        random: The source of random numbers.
        add: The probability of a space after a character that is not white space.
        remove: The probability that a white-space character is removed.
    """
    draws = random.random(len(text)).tolist()
    pieces = []
    for letter, draw in zip(text, draws, strict=True):
        if letter.isspace():
            pieces.append("" if draw < remove else letter)
        else:
            pieces.append(f"{letter} " if draw < add else letter)
    return "".join(pieces)
