"""Sentences as NLTK's Punkt tokenizer finds them, with its English model, without importing NLTK.

Every `.`, `?` or `!` before a space or a closing mark may end a sentence. The word before it and the one after it decide
whether it does: abbreviations, initials, numbers, collocations, and how the next word is written in the model's texts.
Source: Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection" (Computational Linguistics 32, 2006), with
the rules and regular expressions of NLTK 3.10.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import attrs
import regex

# How a word was written in the texts of the model: bits of its `ortho_context`.
_INSIDE_UPPER = 1 << 2
_FIRST_LOWER = 1 << 4
_UPPER = (1 << 1) | _INSIDE_UPPER | (1 << 3)
_LOWER = _FIRST_LOWER | (1 << 5) | (1 << 6)

_CLOSING = r"[)\";}\]\*:@\'\({\[\u2018\u2019\u201c\u201d\xab\xbb?!]"
_SEVERAL_MARKS = r"(?:\-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_TOKEN = regex.compile(
    rf"""{_SEVERAL_MARKS}
    | (?=[^\(\"\`{{\[:;&\#\*@\)}}\]\-,])\S+?(?=\s|$|{_CLOSING}|{_SEVERAL_MARKS}|,(?=$|\s|{_CLOSING}|{_SEVERAL_MARKS}))
    | \S""",
    regex.VERBOSE,
)
_CANDIDATE = regex.compile(rf"[.?!](?=(?P<after>{_CLOSING}|\s+(?P<next>\S+)))")
_REALIGNED = regex.compile(r"[\"')\]}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\s+|(?=--)|$)", regex.MULTILINE)
_ELLIPSIS = regex.compile(r"\.\.+$")
_NUMBER = regex.compile(r"^-?[\.,]?\d[\d,\.-]*\.?$")
_INITIAL = regex.compile(r"[^\W\d]\.$")
_KEPT_CONTEXTS = 20_000


class Sentences:
    """Splits texts into sentences.

    Args:
        folder: The four files of the English model.
    """

    def __init__(self, folder: Path) -> None:
        self._abbreviations = frozenset(_lines(folder / "abbrev_types.txt"))
        self._starters = frozenset(_lines(folder / "sent_starters.txt"))
        self._collocations = frozenset(tuple(line.split("\t")) for line in _lines(folder / "collocations.tab"))
        contexts = (line.split("\t") for line in _lines(folder / "ortho_context.tab"))
        self._written = {word: int(bits) for word, bits in contexts}
        self._ends = lru_cache(maxsize=_KEPT_CONTEXTS)(self._ends_a_sentence)

    def split(self, text: str) -> list[str]:
        """Return the sentences of a text, each with the closing marks that follow its end."""
        sentences = []
        (start, end), *following = self._bounds(text)
        for next_start, next_end in following:
            marks = _REALIGNED.match(text[next_start:next_end])
            if marks:
                sentences.append(text[start : next_start + len(marks.group().rstrip())])
            elif start < end:
                sentences.append(text[start:end])
            start, end = next_start + (marks.end() if marks else 0), next_end
        return [*sentences, text[start:end]] if start < end else sentences

    def _bounds(self, text: str) -> Iterator[tuple[int, int]]:
        start = 0
        for mark, context in _candidates(text):
            if self._ends(context):
                yield start, mark.end()
                start = mark.start("next") if mark["next"] else mark.end()
        yield start, len(text.rstrip())

    def _ends_a_sentence(self, context: str) -> bool:
        """Return whether a sentence ends inside a context: a word, its mark, and what follows."""
        tokens = [self._token(word) for line in context.split("\n") if line.strip() for word in _TOKEN.findall(line)]
        return any(self._ends_after(token, after) for token, after in pairwise(tokens))

    def _token(self, word: str) -> _Token:
        """Classify a word on its own."""
        token = _Token(word, _NUMBER.sub("##number##", word.lower()))
        if word in {".", "?", "!"}:
            return attrs.evolve(token, ends=True)
        if _ELLIPSIS.match(word):
            return attrs.evolve(token, abbreviates=True)
        if word.endswith(".") and not word.endswith(".."):
            bare = word[:-1].lower()
            known = bare in self._abbreviations or bare.split("-")[-1] in self._abbreviations
            return attrs.evolve(token, abbreviates=known, ends=not known)
        return token

    def _ends_after(self, token: _Token, after: _Token) -> bool:
        """Return whether a sentence ends after a token; at a period, the next word decides too."""
        if not token.word.endswith("."):
            return token.ends
        kind = token.kind_without_period
        next_kind = after.kind_without_period if after.ends else after.kind
        if (kind, next_kind) in self._collocations:
            return False
        initial = _INITIAL.match(token.word) is not None
        starts = self._starts_a_sentence(after)
        upper = after.word[0].isupper()
        if token.abbreviates and not initial and (starts or (upper and next_kind in self._starters)):
            return True
        if initial or kind == "##number##":
            never_lower = not self._written.get(next_kind, 0) & _LOWER
            if starts is False or (starts is None and initial and upper and never_lower):
                return False
        return token.ends

    def _starts_a_sentence(self, token: _Token) -> bool | None:
        """Return whether a word is written like the first of a sentence; None where its case does not decide it."""
        if token.word in {";", ":", ",", ".", "!", "?"}:
            return False
        seen = self._written.get(token.kind_without_period if token.ends else token.kind, 0)
        if token.word[0].isupper() and seen & _LOWER and not seen & _INSIDE_UPPER:
            return True
        if token.word[0].islower() and (seen & _UPPER or not seen & _FIRST_LOWER):
            return False
        return None


@attrs.frozen
class _Token:
    """A word of a context.

    Attributes:
        word: The word as written.
        kind: The word in lower case, numbers as `##number##`.
        ends: Whether the word on its own would end a sentence.
        abbreviates: Whether it is an abbreviation or an ellipsis.
    """

    word: str
    kind: str
    ends: bool = False
    abbreviates: bool = False

    @property
    def kind_without_period(self) -> str:
        return self.kind[:-1] if len(self.kind) > 1 and self.kind.endswith(".") else self.kind


def _candidates(text: str) -> Iterator[tuple[regex.Match[str], str]]:
    """Yield marks that may end a sentence, with the word before them, the mark, and what follows.

    Of several marks at one word (`Really?!`) the last one counts. As in NLTK, a space right after the last candidate is
    not noticed: the word before the mark then starts where that of the last candidate did.
    """
    start = end = 0
    last = None
    for mark in _CANDIDATE.finditer(text):
        space = max(text.rfind(one, end, mark.start()) for one in string.whitespace)
        word_start = space + 1 if space > end else start
        if last is not None and end <= word_start:
            yield last, text[start:end] + last.group() + last["after"]
        last, start, end = mark, word_start, mark.start()
    if last is not None:
        yield last, text[start:end] + last.group() + last["after"]


def _lines(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [line.rstrip("\n") for line in lines]
