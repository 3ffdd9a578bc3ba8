"""Sentences are those of NLTK's `sent_tokenize`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.assets import PUNKT_FOLDER
from llmops_plugins.metrics.meteor.sentences import Sentences

from .conftest import random_texts


@pytest.mark.usefixtures("nltk_data")
def test_sentences_of_any_text_are_those_of_nltk(asset: Callable[[str], Path], odd_texts: Sequence[str]) -> None:
    """With initials, abbreviations, numbers and quotes at their ends."""
    from nltk import sent_tokenize

    sentences = Sentences(asset("punkt-tab") / PUNKT_FOLDER)
    texts = [
        *odd_texts,
        *random_texts(3000),
        'He said: "No. 5 is mine." (J. S. Bach lived in St. Thomas.) Did he?! Yes... No.',
    ]

    assert [text for text in texts if sent_tokenize(text) != sentences.split(text)] == []
