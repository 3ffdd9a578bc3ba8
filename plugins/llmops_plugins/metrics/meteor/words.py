"""Words as NLTK's `word_tokenize` finds them: Punkt's sentences, then the rules of the Penn Treebank.

The rules are regular expressions that put spaces around each word; most texts have few of the characters they look for,
and a rule whose character is missing is skipped. Source: the rules of NLTK 3.10's `NLTKWordTokenizer`,
which are R. MacIntyre's for the Penn Treebank with quotes and dashes beyond ASCII.
"""

from __future__ import annotations

import re
from pathlib import Path

import regex

from llmops_plugins.metrics.meteor.assets import PUNKT_FOLDER
from llmops_plugins.metrics.meteor.sentences import Sentences

_TIMEOUT = 5.0
"""Seconds one rule may take on one sentence, as in NLTK."""

# Everything that one of the simple rules looks for.
_RARE = regex.compile(r"[;@#$%&\u2012-\u2015?!*\]\[(){}<>]")
_OPENING_QUOTES = regex.compile(r"([\xab\u201c\u2018\u201e]|[`]+)")
_QUOTE_AFTER_BRACKET = regex.compile(r"([ \(\[{<])(\"|\'{2})")
_OPENING_APOSTROPHE = regex.compile(r"(?i)(?<!\w)(\')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)")
_FINAL_PERIOD = regex.compile(r"([^\.])(\.)([\]\)}>\"\'\xbb\u201d\u2019 ]*+)\s*$")
_COLON_OR_COMMA = regex.compile(r"([:,])([^\d])")
_FINAL_COLON_OR_COMMA = regex.compile(r"([:,])$")
_PERIODS = regex.compile(r"\.{2,}")
_SYMBOLS = regex.compile(r"[;@#$%&]")
_DASHES = regex.compile(r"[\u2012-\u2015]")
_LAST_PERIOD = regex.compile(r'([^\.])(\.)([\]\)}>"\']*)\s*$')
_QUESTION_OR_EXCLAMATION = regex.compile(r"[?!]")
_FINAL_APOSTROPHE = regex.compile(r"([^'])' ")
_STAR = regex.compile(r"[*]")
_BRACKETS = regex.compile(r"[\]\[\(\)\{\}\<\>]")
_CLOSING_QUOTES = regex.compile(r"([\xbb\u201d\u2019])")
_SPACES = regex.compile(r"\s+")
_SHORT_ENDING = regex.compile(r"([^' ])('[sS]|'[mM]|'[dD]|') ")
_LONG_ENDING = regex.compile(r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ")

# Pairs of words written as one, by the letters they contain.
_JOINED = {
    "cannot": re.compile(r"(?i)\b(can)(not)\b"),
    "d'ye": re.compile(r"(?i)\b(d)('ye)\b"),
    "gimme": re.compile(r"(?i)\b(gim)(me)\b"),
    "gonna": re.compile(r"(?i)\b(gon)(na)\b"),
    "gotta": re.compile(r"(?i)\b(got)(ta)\b"),
    "lemme": re.compile(r"(?i)\b(lem)(me)\b"),
    "more'n": re.compile(r"(?i)\b(more)('n)\b"),
    "wanna": re.compile(r"(?i)\b(wan)(na)(?=\s)"),
    "'tis": re.compile(r"(?i) ('t)(is)\b"),
    "'twas": re.compile(r"(?i) ('t)(was)\b"),
}


class Words:
    """Splits texts into words and punctuation marks.

    Args:
        folder: The folder of the asset `punkt-tab`.
    """

    def __init__(self, folder: Path) -> None:
        self._sentences = Sentences(folder / PUNKT_FOLDER)

    def split(self, text: str) -> list[str]:
        """Return the words of a text.

        Raises:
            TimeoutError: A rule took seconds.
        """
        return [word for sentence in self._sentences.split(text) for word in _treebank(sentence)]


def _treebank(text: str) -> list[str]:
    """Return the words of a sentence. The rules run in NLTK's order, since each sees the spaces and quotes of those before."""
    rare = _RARE.search(text) is not None
    text = _opening_quotes(text)
    if "." in text:
        text = _at_last_period(text, _FINAL_PERIOD, r"\1 \2 \3 ")
    if ":" in text or "," in text:
        text = _sub(_COLON_OR_COMMA, r" \1 \2", text)
        text = _sub(_FINAL_COLON_OR_COMMA, r" \1 ", text)
    if ".." in text:
        text = _sub(_PERIODS, r" \g<0> ", text)
    if rare:
        text = _sub(_SYMBOLS, r" \g<0> ", text)
        text = _sub(_DASHES, r" \g<0> ", text)
    if "." in text:
        text = _at_last_period(text, _LAST_PERIOD, r"\1 \2\3 ")
    if rare:
        text = _sub(_QUESTION_OR_EXCLAMATION, r" \g<0> ", text)
    if "' " in text:
        text = _sub(_FINAL_APOSTROPHE, r"\1 ' ", text)
    if rare:
        text = _sub(_STAR, r" \g<0> ", text)
        text = _sub(_BRACKETS, r" \g<0> ", text)
    if "--" in text:
        text = text.replace("--", " -- ")
    return _joined_words(_closing_quotes(f" {text} ")).split()


def _opening_quotes(text: str) -> str:
    if not text.isascii() or "`" in text:
        text = _sub(_OPENING_QUOTES, r" \1 ", text)
    if text.startswith('"'):
        text = f"``{text[1:]}"
    if "``" in text:
        text = text.replace("``", " `` ")
    if '"' in text or "''" in text:
        text = _sub(_QUOTE_AFTER_BRACKET, r"\1 `` ", text)
    return _sub(_OPENING_APOSTROPHE, r"\1 ", text) if "'" in text else text


def _closing_quotes(text: str) -> str:
    if not text.isascii():
        text = _sub(_CLOSING_QUOTES, r" \1 ", text)
    text = text.replace("''", " '' ").replace('"', " '' ")
    if "'" in text:
        text = _sub(_SPACES, " ", text)
        text = _sub(_SHORT_ENDING, r"\1 \2 ", text)
        text = _sub(_LONG_ENDING, r"\1 \2 ", text)
    return text


def _joined_words(text: str) -> str:
    lower = text.lower()
    for letters, pattern in _JOINED.items():
        # Beyond ASCII, two letters may match regardless of case although their lower case differs.
        if letters in lower or not text.isascii():
            text = pattern.sub(r" \1 \2 ", text)
    return text


def _at_last_period(text: str, rule: regex.Pattern[str], replacement: str) -> str:
    """Apply a rule that matches at the last period only, from the character before it."""
    before = text.rfind(".") - 1
    return text if before < 0 else text[:before] + _sub(rule, replacement, text[before:])


def _sub(rule: regex.Pattern[str], replacement: str, text: str) -> str:
    replaced: str = rule.sub(replacement, text, timeout=_TIMEOUT)
    return replaced
