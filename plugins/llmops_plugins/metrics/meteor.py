"""METEOR as FMEval takes it: NLTK's `single_meteor_score` over `word_tokenize`d texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import IO

from nltk.stem.porter import PorterStemmer
from nltk.tabdata import PunktDecoder
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from nltk.translate.meteor_score import single_meteor_score

from llmops_plugins.metrics import wordnet
from llmops_plugins.metrics.checks import NLTK
from llmops_plugins.metrics.pairs import Outcome, Pair, Unscorable
from llmops_sdk import MissingExtraError

PUNKT_FOLDER = "tokenizers/punkt_tab/english"


class Meteor:
    """METEOR of pairs, with NLTK's parameters (alpha 0.9, beta 3, gamma 0.5).

    Args:
        wordnet_folder: The folder of the asset `wordnet`.
        punkt_folder: The folder of the asset `punkt-tab`.

    Raises:
        MissingExtraError: The installed NLTK is one whose METEOR has other values.
    """

    def __init__(self, wordnet_folder: Path, punkt_folder: Path) -> None:
        found = version("nltk")
        if not found.startswith(NLTK):
            message = f"METEOR is defined by nltk {NLTK}x, found {found}: pip install 'llmops-sdk[metrics]'"
            raise MissingExtraError(message)
        self._wordnet = wordnet.WordNet(wordnet_folder / wordnet.FOLDER)
        self._tokenizer = WordTokenizer(punkt_folder)
        # METEOR stems every word that has no exact match; words repeat, and the bound keeps memory flat.
        self._stemmer = SimpleNamespace(stem=lru_cache(maxsize=20_000)(PorterStemmer().stem))

    def score(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Return METEOR of each pair."""
        return [self._score(pair) for pair in pairs]

    def _score(self, pair: Pair) -> Outcome:
        try:
            reference = self._tokenizer.tokenize(pair.reference)
            hypothesis = self._tokenizer.tokenize(pair.output)
        except TimeoutError as exc:  # NLTK gives up when one of its regular expressions takes some seconds
            return Unscorable(f"NLTK's tokenizer gave up on the text: {exc}")
        value = single_meteor_score(reference, hypothesis, stemmer=self._stemmer, wordnet=self._wordnet)
        return {"meteor": float(value)}


class WordTokenizer:
    """Splits a text into words as `nltk.word_tokenize` does, with the English Punkt model of a folder.

    NLTK itself reads models only below `nltk.data.path`, which is the user's to set; here the folder is given.

    Args:
        folder: The folder of the asset `punkt-tab`.
    """

    def __init__(self, folder: Path) -> None:
        self._sentences = PunktSentenceTokenizer(_punkt_parameters(folder / PUNKT_FOLDER))
        self._words = NLTKWordTokenizer()

    def tokenize(self, text: str) -> list[str]:
        """Return the words and punctuation marks of a text."""
        return [word for sentence in self._sentences.tokenize(text) for word in self._words.tokenize(sentence)]


def _punkt_parameters(folder: Path) -> PunktParameters:
    def lines(name: str) -> IO[str]:
        return files.enter_context((folder / name).open(encoding="utf-8"))

    decoder = PunktDecoder()
    parameters = PunktParameters()
    with ExitStack() as files:
        parameters.abbrev_types = decoder.txt2set(lines("abbrev_types.txt"))
        parameters.collocations = set(decoder.tab2tups(lines("collocations.tab")))
        parameters.sent_starters = decoder.txt2set(lines("sent_starters.txt"))
        parameters.ortho_context = decoder.tab2intdict(lines("ortho_context.tab"))
    return parameters
