"""The label in an answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Around a label: white space, the punctuation of sentences, brackets, quotation marks and markup; before it, a list's mark.
_MARKS = r"\s.,;:!?\"'`*_#()\[\]{}<>\u2018\u2019\u201c\u201d\u00ab\u00bb\u3002"
_AROUND = re.compile(rf"^(?:[-\u2022]\s+)?[{_MARKS}]+|^[-\u2022]\s+|[{_MARKS}]+$")


def normalized(text: str) -> str:
    """Return a text as labels are compared: lower case, single spaces, no punctuation around it.

    >>> normalized(' **Not  Spam**. '), normalized("C++")
    ('not spam', 'c++')
    """
    return _AROUND.sub("", " ".join(unicodedata.normalize("NFKC", text).casefold().split()))


class LabelReader:
    """Finds labels in answers, as whole words; of labels that overlap, the longer one.

    Args:
        labels: The labels; different ones after `normalized`.
        read: `only`, `first`, `last` or `whole`, see the option.
    """

    def __init__(self, labels: Sequence[str], read: str) -> None:
        self._by_name = {normalized(label): label for label in labels}
        self._read = read
        longest_first = sorted(self._by_name, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def label(self, text: str) -> str | None:
        """Return the label that a text is, or None where it is none: for references."""
        return self._by_name.get(normalized(text))

    def labels_in(self, text: str) -> list[str]:
        """Return what an answer names: the label that it is, else those in it that count; more than one are no answer.

        >>> reader = LabelReader(["spam", "not spam"], "only")
        >>> reader.labels_in("It is not spam."), reader.labels_in("Spam or not spam?"), reader.labels_in("Ham")
        (['not spam'], ['spam', 'not spam'], [])
        """
        whole = self.label(text)
        if whole is not None or self._read == "whole":
            return [whole] if whole is not None else []
        plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        named = [self._by_name[name] for name in self._pattern.findall(plain)]
        if self._read == "first":
            return named[:1]
        if self._read == "last":
            return named[-1:]
        return list(dict.fromkeys(named))
