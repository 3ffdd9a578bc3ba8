"""WordNet's synonyms for METEOR: a small reader of the dictionary's own files.

NLTK's reader parses all index files into dictionaries before its first answer, which takes seconds in every process.
This one maps the files into memory and searches the sorted indexes; the answers are those of NLTK 3.10, whose
morphology applies its suffix rules once.
"""

from __future__ import annotations

import mmap
from functools import lru_cache
from pathlib import Path

_WORD_CLASSES = ("noun", "verb", "adj", "adv")

# The suffixes that WordNet's `morphy` replaces, by part of speech (man 7WN morphy).
_SUFFIXES: dict[str, tuple[tuple[str, str], ...]] = {
    "noun": (
        ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"),
        ("men", "man"), ("ies", "y"),
    ),
    "verb": (
        ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
    ),
    "adj": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "adv": (),
}  # fmt: skip


class WordNet:
    """The dictionary in a folder.

    Args:
        folder: `index.*`, `data.*` and `*.exc` of WordNet 3.0. The files stay open while the object lives.
    """

    def __init__(self, folder: Path) -> None:
        self._word_classes = [_WordClass(folder, name) for name in _WORD_CLASSES]
        # Words repeat often; the limit keeps memory flat over any number of records.
        self.synonyms = lru_cache(maxsize=20_000)(self._synonyms)

    def _synonyms(self, word: str) -> frozenset[str]:
        """Return the single words that share a meaning with a word form, including the form itself where it is an entry.

        Names with a capital letter are left out: METEOR compares words in lower case.
        """
        form = word.lower()
        names = {
            name
            for word_class in self._word_classes
            for base in word_class.base_forms(form)
            for offset in word_class.offsets(base)
            for name in word_class.names(offset)
        }
        return frozenset(name for name in names if "_" not in name and name == name.lower())


class _WordClass:
    """One part of speech: its index, its data and its irregular forms."""

    def __init__(self, folder: Path, name: str) -> None:
        self._index = _map(folder / f"index.{name}")
        self._data = _map(folder / f"data.{name}")
        self._suffixes = _SUFFIXES[name]
        self._irregular = _irregular_forms(folder / f"{name}.exc")
        self._start = _after_licence(self._index)

    def base_forms(self, form: str) -> list[str]:
        """Return the entries that a word form may be a form of, itself first. Each rule is applied once."""
        if form in self._irregular:
            others = self._irregular[form]
        else:
            others = [form.removesuffix(old) + new for old, new in self._suffixes if form.endswith(old)]
        return list(dict.fromkeys([form, *others]))

    def offsets(self, lemma: str) -> list[int]:
        """Return the offsets of an entry's synsets in the data file; none where there is no such entry.

        A line of the index is `lemma pos n_synsets n_pointers pointer... n_senses n_tagged offset...`.
        """
        key = lemma.encode("utf-8", "surrogatepass")
        low, high = self._start, len(self._index)
        while low < high:
            start = self._index.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = self._index.find(b"\n", start)
            line = self._index[start:end]
            entry = line[: line.index(b" ")]
            if entry == key:
                fields = line.split()
                return [int(offset) for offset in fields[-int(fields[2]) :]]
            if entry < key:
                low = end + 1
            else:
                high = start
        return []

    def names(self, offset: int) -> list[str]:
        """Return the words of a synset. Its line is `offset file type n_words(hex) word id word id ...`."""
        line = self._data[offset : self._data.find(b"\n", offset)]
        fields = line.split(b" ", 4)
        words = fields[4].split(b" ", 2 * int(fields[3], 16))[0:-1:2]
        return [_without_marker(word.decode("utf-8")) for word in words]


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _after_licence(index: mmap.mmap) -> int:
    """Return where the entries start: the lines of the licence before them start with spaces."""
    start = 0
    while index[start : start + 1] == b" ":
        start = index.find(b"\n", start) + 1
    return start


def _irregular_forms(path: Path) -> dict[str, list[str]]:
    forms = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {fields[0]: fields[1:] for fields in forms if fields}


def _without_marker(word: str) -> str:
    """Remove the syntactic marker of an adjective: `galore(ip)` is `galore`."""
    return word[: word.rindex("(")] if word.endswith(")") and "(" in word else word
