r"""Numbers in texts: one stated rule for signs, thousands, decimals, powers of ten, fractions, percent and units.

Sources: the last number of an answer counts as in the task `gsm8k` of lm-eval (its filter `flexible-extract`), and the one
after `####`, where the answer has it, as in GSM8K itself (Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import attrs

_MINUS = str.maketrans({"\u2212": "-", "\uff0d": "-", "\u2013": "-", "\uff0b": "+"})
# Between groups of three digits: the separator of thousands, an apostrophe, an underscore, and spaces that do not break.
_GROUPING = "'\u2019_\u00a0\u202f\u2009"
_MOST_DIGITS = 1000
_MOST_EXPONENT_DIGITS = 5  # decimal's own arithmetic ends at six
_NUMBER = re.compile(
    rf"""
        (?<![\w.,/:-])(?P<date>[0-9]+[/:][0-9]+[/:][0-9]+|[0-9][0-9]?:[0-9][0-9]|[0-9]{{4}}-[0-9][0-9]-[0-9][0-9])(?![\w/:])
        |
        (?:(?P<sign>(?<![\w.,/)])[+-])(?:[$\u00a3\u20ac\u00a5\u20b9]\s?)?)?
        (?<![\w])(?<!\w[.,])                          # not inside a word or another number
        (?P<body>[0-9](?:[.,{_GROUPING}]?[0-9])*|\.[0-9]+)
        (?: [eE](?P<e>[+-]?[0-9]+)(?![\w])
          | \s?(?:[x\u00d7*]|\\times|\\cdot|\u00b7)\s?10\s?(?:\^|\*\*)\s?\{{?(?P<power>[+-]?[0-9]+)\}}? )?
        (?: /(?P<under>[0-9]+)(?![\w/]|[.,][0-9]) )?
        (?P<percent>\s?\\?[%\u066a\uff05])?
        """,
    re.VERBOSE,
)


@attrs.frozen
class UnreadableNumber:
    """Something with digits that is no number by the rule.

    Attributes:
        text: As it stands in the answer.
        reason: Why it is none.
    """

    text: str
    reason: str


def numbers_in(text: str, *, decimal: str = ".", percent: str = "ignore") -> Iterator[Decimal | UnreadableNumber]:
    r"""Yield the numbers of a text in their order, with what looks like one and is none.

    - Digits of any script count. A sign directly before is part of the number, unless a letter or a digit is before it.
    - Thousands are grouped by the separator that is not the decimal one, or by an apostrophe, an underscore or a space that
      does not break; groups have three digits (two in India's style, before the last). `1,5` is no number with a decimal
      point, since it could be 1.5 or a list.
    - `1.5e3`, `1.5 x 10^3` and `1.5 \times 10^{3}` are 1500; `3/4` is 0.75.
    - A sign of a currency may stand between the sign and the digits. Dates (`3/4/2026`, `2026-04-03`) and times (`1:30`) are no
      numbers.
    - Letters directly before digits make them a name (`GPT4`), after them a unit (`5kg`). Words, `NaN` and `infinity` are
      no numbers; words for powers (`1.5 million`) do not count.

    >>> [str(number) for number in numbers_in("From $1,234.50 to -3/4, up 5% on 2e3 kg")]
    ['1234.50', '-0.75', '5', '2E+3']
    >>> list(numbers_in("1,5", decimal=",")), list(numbers_in("12%", percent="divide"))
    ([Decimal('1.5')], [Decimal('0.12')])
    >>> next(numbers_in("1,5")).reason
    "with the decimal separator '.', it could be a list or another number"

    Args:
        text: The text.
        decimal: The decimal separator, `.` or `,`.
        percent: `ignore` leaves a percent sign without effect; `divide` divides by 100.
    """
    text = _plain(text)
    for match in _NUMBER.finditer(text):
        yield _number(match, decimal, divide=percent == "divide")


def marked_answer(text: str) -> str | None:
    r"""Return what follows the last `####`, or stands in the last `\boxed{}`, or None without either.

    >>> marked_answer("2 + 3 = 5\n#### 5"), marked_answer(r"so \boxed{7}.")
    (' 5', '7')
    """
    _, mark, after = text.rpartition("####")
    if mark:
        return after.split("\n", 1)[0]
    boxed = re.findall(r"\\boxed\{([^{}]*)\}", text)
    return boxed[-1] if boxed else None


def _number(match: re.Match[str], decimal: str, *, divide: bool) -> Decimal | UnreadableNumber:
    text = match[0].strip()
    if match["date"]:
        return UnreadableNumber(text, "it is a date or a time")
    body = match["body"]
    exponent = match["e"] or match["power"] or "0"
    if len(body) > _MOST_DIGITS or len(exponent.lstrip("+-0")) > _MOST_EXPONENT_DIGITS:
        return UnreadableNumber(text, f"it has more than {_MOST_DIGITS} digits, or an exponent beyond any use")
    plain = _without_grouping(body, decimal)
    if plain is None:
        return UnreadableNumber(text, f"with the decimal separator {decimal!r}, it could be a list or another number")
    try:
        value = Decimal(f"{match['sign'] or ''}{plain}e{exponent}")
        if match["under"]:
            value /= Decimal(match["under"])
    except (InvalidOperation, ArithmeticError):
        return UnreadableNumber(text, "it divides by zero")
    return value / 100 if divide and match["percent"] else value


def _without_grouping(body: str, decimal: str) -> str | None:
    """Return a number's digits with a decimal point, or None where its separators do not follow the rule."""
    thousands = "," if decimal == "." else "."
    whole, _, fraction = body.partition(decimal)
    if fraction and not fraction.isdigit():
        return None
    separators = set(whole) - set("0123456789")
    if not separators:
        return f"{whole or '0'}.{fraction or '0'}" if fraction else whole
    if len(separators) > 1 or not separators <= {thousands, *_GROUPING}:
        return None
    first, *groups = whole.split(separators.pop())
    if not (1 <= len(first) <= 3 and len(groups[-1]) == 3 and {len(group) for group in groups} <= {2, 3}):  # noqa: PLR2004 - digits of a group
        return None
    digits = first + "".join(groups)
    return f"{digits}.{fraction}" if fraction else digits


def _plain(text: str) -> str:
    """Return a text with ASCII digits and signs."""
    text = text.translate(_MINUS)
    if text.isascii():
        return text
    return "".join(map(_ascii_digit, text))


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
