"""Words and tokens of texts, as the metrics of `text-metrics` count them.

Source: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (normalisation and F1).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

# Han and kana are written without spaces: each of their letters counts as a word, as in sacrebleu and BERT.
_LETTER = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
# Parts of words that `\w` does not match: combining marks, and the vowel signs of the Indic scripts.
_MARK = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_OTHER = rf"(?:(?!{_LETTER})[\w{_MARK}])+"
_WORD = re.compile(rf"{_LETTER}|{_OTHER}(?:['\u2019]{_OTHER})*")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=16)  # the metrics of one record share their words
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without punctuation.

    >>> words("It's 5 o'clock, on the Seine.")
    ("it's", '5', "o'clock", 'on', 'the', 'seine')
    """
    return tuple(_WORD.findall(unicodedata.normalize("NFC", text).lower()))


def squad_tokens(text: str) -> tuple[str, ...]:
    """Return the tokens of a text as SQuAD's evaluation has them.

    >>> squad_tokens("The U.K., a kingdom!")
    ('uk', 'kingdom')
    """
    return tuple(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def plain_tokens(text: str) -> tuple[str, ...]:
    """Return the parts of a text between white space, unchanged."""
    return tuple(text.split())


def token_f1(output: Sequence[str], reference: Sequence[str]) -> float:
    """Return the harmonic mean of precision and recall of the tokens, each counted as often as it occurs.

    Where one of the two has no tokens, it is 1 if the other has none either, else 0 (SQuAD 2.0).

    >>> token_f1(["in", "paris", "paris"], ["paris"])
    0.5
    """
    if not output or not reference:
        return float(not output and not reference)
    common = (Counter(output) & Counter(reference)).total()
    return 2 * common / (len(output) + len(reference))
