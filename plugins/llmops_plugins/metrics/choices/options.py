"""The options of the metrics of multiple choice. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.validators import some_of
from llmops_sdk.plugin import Options, option

LIKELIHOOD_METRICS = ("acc", "acc_norm")


def _letters(_options: object, _attribute: object, value: str) -> None:
    if len(value) < 2 or not (value.isascii() and value.isalpha()) or len(set(value.upper())) < len(value):  # noqa: PLR2004 - a choice takes two
        message = f"letters are two or more different letters of A-Z, such as ABCD, not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class MultipleChoiceOptions(Options):
    """Which letters an answer can choose, and where the right one is."""

    letters: str = option(
        "ABCDEFGHIJ", help="the letters; of records with choices, as many as there are choices", validator=_letters
    )
    field: str = option(
        "response",
        help="the record's field with the right choice: its text, its letter or label, or its number from 0",
        validator=validators.min_len(1),
    )
    choices: str = option(
        "choices",
        help="the record's field with the texts of the choices, where it has one: a list, or {text: [...], label: [...]}",
        validator=validators.min_len(1),
    )
    last_letter: bool = option(
        True, help="whether the last capital letter that stands alone counts, where the answer states none otherwise"
    )


@attrs.frozen(kw_only=True)
class ChoiceLikelihoodOptions(Options):
    """Which texts the model may choose from, and where the right one is."""

    metrics: tuple[str, ...] = option(
        LIKELIHOOD_METRICS,
        help=f"which of {', '.join(LIKELIHOOD_METRICS)}; the first one decides",
        validator=some_of(LIKELIHOOD_METRICS),
    )
    field: str = option(
        "response",
        help="the record's field with the right choice: its text, its label or letter, or its number from 0",
        validator=validators.min_len(1),
    )
    choices: str = option(
        "choices",
        help="the record's field with the texts of the choices: a list, or {text: [...], label: [...]}",
        validator=validators.min_len(1),
    )
    delimiter: str = option(
        " ", help="what stands between the prompt and a choice; empty where the prompt ends with white space"
    )
