"""The small WordNet reader gives the synonyms of NLTK's own reader, from the same files."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.meteor.assets import WORDNET_FOLDER
from llmops_plugins.metrics.meteor.wordnet import WordNet

ODD_WORDS = (
    "", " ", "s", "es", "men", "ing", "ies", "a b", "\n", "\x00", "\ud83d", "é", "ÉTUDE", "😀", "(", " 1", "1",
    "~", "z" * 1000, "Dogs", "'hood", "'s", "a", "zymurgy", "galore", "ice_cream", "better", "mice", "went",
)  # fmt: skip


@pytest.fixture(scope="module")
def wordnet(asset: Callable[[str], Path]) -> WordNet:
    return WordNet(asset("wordnet") / WORDNET_FOLDER)


@pytest.fixture(scope="module")
def nltk_wordnet(nltk_data: Any) -> Any:
    return nltk_data.wordnet


def synonyms(nltk_wordnet: Any, word: str) -> set[str]:
    """Return METEOR's synonyms in NLTK, without those in upper case, which match no word in lower case."""
    names = {lemma.name() for synset in nltk_wordnet.synsets(word) for lemma in synset.lemmas()}
    return {name for name in names if "_" not in name and name == name.lower()}


@pytest.mark.slow
def test_synonyms_of_many_forms_are_those_of_nltk(wordnet: WordNet, nltk_wordnet: Any) -> None:
    """Entries and their inflected forms."""
    pick = random.Random(7)
    entries = pick.sample(sorted(nltk_wordnet.all_lemma_names()), 5000)
    endings = ("s", "es", "ed", "ing", "er", "est", "ies", "men", "ves", "ings", "eds")
    forms = [*entries, *(entry + pick.choice(endings) for entry in entries)]
    forms += [entry[:-1] + pick.choice(endings) for entry in entries]

    different = [form for form in forms if wordnet.synonyms(form) != synonyms(nltk_wordnet, form)]

    assert different == []


@pytest.mark.slow
def test_every_irregular_form_gives_the_synonyms_of_nltk(
    wordnet: WordNet, nltk_wordnet: Any, asset: Callable[[str], Path]
) -> None:
    """The lists of exceptions are used as NLTK uses them."""
    lists = sorted((asset("wordnet") / WORDNET_FOLDER).glob("*.exc"))
    forms = {line.split()[0] for path in lists for line in path.read_text(encoding="utf-8").splitlines()}

    assert len(forms) > 5000
    assert [form for form in forms if wordnet.synonyms(form) != synonyms(nltk_wordnet, form)] == []


@pytest.mark.parametrize("word", ODD_WORDS, ids=lambda word: repr(word[:12]))
def test_an_odd_word_gives_the_synonyms_of_nltk(wordnet: WordNet, nltk_wordnet: Any, word: str) -> None:
    """Whatever it contains, the reader neither fails nor finds more than NLTK."""
    assert synonyms(nltk_wordnet, word) == wordnet.synonyms(word)


def test_suffixes_are_removed_once(wordnet: WordNet) -> None:
    """As in NLTK 3.10: 'abandoned' is a form of 'abandon', but 'abandoneds' is not a form of any word."""
    assert "abandon" in wordnet.synonyms("abandoned")
    assert wordnet.synonyms("abandoneds") == frozenset()


def test_the_first_and_the_last_entry_of_every_index_are_found(wordnet: WordNet, asset: Callable[[str], Path]) -> None:
    """The search reaches both ends of the sorted files (white-box: one part of speech at a time)."""
    for index in sorted((asset("wordnet") / WORDNET_FOLDER).glob("index.[nva]*")):
        entries = [line.split()[0] for line in index.read_text().splitlines() if not line.startswith(" ")]
        for entry in (entries[0], entries[-1]):
            assert wordnet._word_classes[("noun", "verb", "adj", "adv").index(index.suffix[1:])].offsets(entry), (
                index.name
            )
