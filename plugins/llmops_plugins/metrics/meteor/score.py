"""METEOR as FMEval uses it, with the values of NLTK 3.10's `single_meteor_score` over `word_tokenize`d texts.

Words of the output are matched with words of the reference: equal ones first, then those of one stem, then synonyms of
WordNet. The score is a harmonic mean of precision and recall with a weight of nine on recall, less a penalty for matches that
are not side by side. NLTK is not imported: the import alone takes longer than scoring hundreds of records.
Source: Lavie and Agarwal, "METEOR: An Automatic Metric for MT Evaluation" (WMT 2007), with NLTK's order of matching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from llmops_plugins.metrics.meteor.assets import WORDNET_FOLDER
from llmops_plugins.metrics.meteor.porter import stem
from llmops_plugins.metrics.meteor.wordnet import WordNet
from llmops_plugins.metrics.meteor.words import Words
from llmops_plugins.metrics.pairs import Outcome, Pair, Unscorable

NLTK = "3.10"
"""The release series of NLTK with these values: it looks words up in one pass, and matches the last free word first."""

_ALPHA, _BETA, _GAMMA = 0.9, 3.0, 0.5
_KEPT_STEMS = 20_000
_KEPT_REFERENCES, _LONGEST_KEPT = 4_096, 4_000
"""The number of references whose words are kept, and the longest one in characters: some tens of megabytes at most."""

_Words = list[tuple[int, str]]
_Matches = list[tuple[int, int]]


@lru_cache(maxsize=1)
def meteor(wordnet_folder: Path, punkt_folder: Path) -> Meteor:
    """Return the scorer of these files, one per process: the candidates of a run share it, and the references' words."""
    return Meteor(wordnet_folder, punkt_folder)


class Meteor:
    """METEOR of pairs, with NLTK's parameters (alpha 0.9, beta 3, gamma 0.5).

    Args:
        wordnet_folder: The folder of the asset `wordnet`.
        punkt_folder: The folder of the asset `punkt-tab`.
    """

    def __init__(self, wordnet_folder: Path, punkt_folder: Path) -> None:
        self._wordnet = WordNet(wordnet_folder / WORDNET_FOLDER)
        self._words = Words(punkt_folder)
        # Words repeat, and the limit keeps memory flat.
        self._stem = lru_cache(maxsize=_KEPT_STEMS)(stem)
        self._kept_words = lru_cache(maxsize=_KEPT_REFERENCES)(self._lower_words)

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Return METEOR of each pair: the best value over its references."""
        return [self._score(pair) for pair in pairs]

    def _score(self, pair: Pair) -> Outcome:
        try:
            output = self._lower_words(pair.output)
            return {"meteor": max(self.compare(output, self._reference_words(text)) for text in pair.references)}
        except TimeoutError as exc:  # NLTK too stops a regular expression after some seconds
            return Unscorable(f"the text cannot be split into words: {exc}")

    def _reference_words(self, text: str) -> Sequence[str]:
        return self._kept_words(text) if len(text) <= _LONGEST_KEPT else self._lower_words(text)

    def _lower_words(self, text: str) -> list[str]:
        return [word.lower() for word in self._words.split(text)]

    def compare(self, output: Sequence[str], reference: Sequence[str]) -> float:
        """Return METEOR of two texts, given as their words in lower case."""
        matches = self._align(output, reference)
        if not matches:
            return 0.0
        precision = len(matches) / len(output)
        recall = len(matches) / len(reference)
        mean = (precision * recall) / (_ALPHA * precision + (1 - _ALPHA) * recall)
        adjacent = sum((i + 1, j + 1) == after for (i, j), after in pairwise(matches))
        fragmentation = float(len(matches) - adjacent) / len(matches)
        penalty: float = _GAMMA * fragmentation**_BETA
        return (1 - penalty) * mean

    def _align(self, output: Sequence[str], reference: Sequence[str]) -> list[tuple[int, int]]:
        """Return the matched words as (place in the output, place in the reference), in the output's order."""
        output_words, reference_words = list(enumerate(output)), list(enumerate(reference))
        matches = _match_equal(output_words, reference_words)
        if output_words and reference_words:
            # As in NLTK, words without a match are replaced by their stems, for the synonyms too.
            output_words = [(place, self._stem(word)) for place, word in output_words]
            reference_words = [(place, self._stem(word)) for place, word in reference_words]
            matches += _match_equal(output_words, reference_words)
        if output_words and reference_words:
            matches += self._match_synonyms(output_words, reference_words)
        return sorted(matches)

    def _match_synonyms(self, output_words: _Words, reference_words: _Words) -> _Matches:
        """Match words from the last to the first, each with the last free word among its synonyms."""
        free = _places(reference_words)
        matches = []
        for place, word in reversed(output_words):
            synonyms = free.keys() & self._wordnet.synonyms(word)
            if synonyms:
                synonym = max(synonyms, key=lambda one: free[one][-1])
                matches.append((place, free[synonym].pop()))
                if not free[synonym]:
                    del free[synonym]
        return matches


def _match_equal(output_words: _Words, reference_words: _Words) -> _Matches:
    """Match equal words from the last to the first, each with the last free one; words without a match stay in the lists."""
    free = _places(reference_words)
    matches, unmatched = [], []
    for place, word in reversed(output_words):
        if places := free.get(word):
            matches.append((place, places.pop()))
        else:
            unmatched.append((place, word))
    left = {place for places in free.values() for place in places}
    output_words[:] = unmatched[::-1]
    reference_words[:] = [(place, word) for place, word in reference_words if place in left]
    return matches


def _places(words: _Words) -> dict[str, list[int]]:
    """Return the places of each word, in ascending order."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in words:
        places[word].append(place)
    return places
