r"""The letter that an answer chooses.

The order follows MMLU-Pro (Wang et al. 2024; `compute_accuracy.py` of its code): "answer is (X)", else "Answer: X", else the
last capital letter that stands alone. simple-evals of OpenAI asks for "Answer: X" and takes that alone. Two things differ
here: of several statements the last one counts, since models correct themselves; and A and I do not count where they are
words ("A dog", "I think").
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_EMPHASIS = re.compile(r"[*`$]|(?<!\w)__?(?=\w)|(?<=\w)__?(?!\w)")
_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mathsf)\s*\{([^{}]*)\}")
_WORDS = frozenset("AI")
# What may follow A or I where it is a letter and no word.
_AFTER_LETTER = r"(?:because|since|as|is|was|for|due|and|or|with|given|which|but)\b"


def letter_in(text: str, letters: str, *, last_letter: bool = True) -> str:
    r"""Return the letter that an answer chooses, as in `letters`, or an empty text.

    The first of these that is there counts:

    1. the last "answer is B", "answer: B" or the like, with brackets, "option" or emphasis or without;
    2. the last `\boxed{B}`;
    3. a letter that is the whole answer (`b`, `(B).`), or opens it before a bracket, a point, a colon, a dash or a line's end;
    4. with `last_letter`, the last capital letter that stands alone.

    A small letter counts only in brackets, before the end of its sentence, or as the whole answer.

    >>> [letter_in(text, "ABCD") for text in ("(b)", "Answer: B.", "The answer is B because A is not.", "A dog, I think")]
    ['B', 'B', 'B', '']
    """
    patterns = _patterns(letters.upper())
    plain = _plain(text)
    chosen = ""
    for pattern in patterns.stated:
        for match in pattern.finditer(plain):
            chosen = _letter(match, plain) or chosen
        if chosen:
            break
    if not chosen:
        opening = patterns.opening.match(plain)
        chosen = opening["letter"] if opening else ""
    if not chosen and last_letter:
        for match in patterns.alone.finditer(plain):
            chosen = _letter(match, plain) or chosen
    place = letters.upper().find(chosen.upper()) if chosen else -1
    return letters[place] if place >= 0 else ""


class _Patterns:
    def __init__(self, letters: str) -> None:
        both = letters + letters.lower()
        one = rf"(?P<open>[(\[{{<]\s*)?(?P<letter>[{both}])(?![\w'\u2019])"
        self.stated = (
            re.compile(
                r"\banswers?\b(?:\s+(?:choice|option|letter))?(?:\s+to\s+\w[^.:\n]{0,80}?)?\s*(?:\s(?:is|would\ be|should\ be|must\ be)\b)?"
                rf"\s*(?:(?<=is)|(?<=be)|[:=])\s*:?\s*(?:(?:the\s+)?(?:option|choice|letter)\s+)?\"?{one}".replace(
                    r"\ ", " "
                ),
                re.IGNORECASE,
            ),
            re.compile(rf"\\boxed\s*\{{\s*{one}"),
        )
        self.opening = re.compile(
            rf"\W*(?P<letter>[{both}])(?:\W*\Z|\s*[).\]:}}]|\s*\n|\s+[-\u2013\u2014]\s)", re.DOTALL
        )
        self.alone = re.compile(rf"(?<![\w'\u2019])(?P<open>[(\[]\s*)?(?P<letter>[{letters}])(?![\w'\u2019])")


@lru_cache(maxsize=8)
def _patterns(letters: str) -> _Patterns:
    return _Patterns(letters)


def _letter(match: re.Match[str], text: str) -> str:
    """Return the letter of a match, or an empty text where it is a word."""
    letter, after = match["letter"], text[match.end("letter") :]
    if match["open"]:
        return letter
    if letter.islower():
        return letter if re.match(r"\s*(?:[.,;!)\n]|\Z)", after) else ""
    is_word = letter in _WORDS and re.match(rf"\s+(?!{_AFTER_LETTER})[a-z]", after)
    return "" if is_word else letter


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return _EMPHASIS.sub("", _COMMAND.sub(r"\1", text)).strip()
