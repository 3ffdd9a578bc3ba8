"""METEOR has the values of FMEval's own call, for every text."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmops_plugins.metrics.meteor.score import Meteor
from llmops_plugins.metrics.pairs import Pair

Texts = Sequence[tuple[str, str]]


@pytest.fixture(scope="module")
def meteor(asset: Callable[[str], Path]) -> Meteor:
    return Meteor(asset("wordnet"), asset("punkt-tab"))


def fmeval_meteor(output: str, reference: str) -> float:
    """Return the value of the call in `fmeval.transforms.summarization_accuracy_metrics.MeteorScore.compute_metric`."""
    from nltk import word_tokenize
    from nltk.translate.meteor_score import single_meteor_score

    value: float = single_meteor_score(reference=word_tokenize(reference), hypothesis=word_tokenize(output))
    return value


@pytest.mark.usefixtures("nltk_data")
def test_values_are_those_of_fmevals_call(meteor: Meteor, pairs: Texts) -> None:
    """Which uses NLTK's own WordNet reader and tokenizer; to the last bit."""
    expected = [{"meteor": fmeval_meteor(output, reference)} for output, reference in pairs]

    assert expected == meteor.score([Pair(output, reference) for output, reference in pairs])
    assert 0.3 < min(found["meteor"] for found in expected) < max(found["meteor"] for found in expected) < 1


@pytest.mark.slow
@pytest.mark.usefixtures("nltk_data")
def test_values_on_real_texts_are_those_of_fmevals_call(meteor: Meteor, real_pairs: Callable[[], Texts]) -> None:
    """To the last bit, for 250 passages and summaries of Dolly."""
    texts = real_pairs()
    expected = [{"meteor": fmeval_meteor(output, reference)} for output, reference in texts]

    assert len(texts) == 250
    assert expected == meteor.score([Pair(output, reference) for output, reference in texts])


@pytest.mark.usefixtures("nltk_data")
def test_odd_texts_score_as_in_fmeval(meteor: Meteor, odd_pairs: Texts) -> None:
    """Control characters, emoji, other scripts, halves of surrogate pairs."""
    for output, reference in odd_pairs:
        assert {"meteor": fmeval_meteor(output, reference)} == meteor.score([Pair(output, reference)])[0], output[:20]


@pytest.mark.usefixtures("nltk_data")
def test_repeated_words_and_synonyms_are_matched_as_in_nltk(meteor: Meteor) -> None:
    """With small vocabularies of forms and synonyms, where the choice of the matched words decides the penalty."""
    from nltk.translate.meteor_score import single_meteor_score

    shuffle = random.Random(4)
    families = (
        ("car", "cars", "auto", "automobile", "machine", "machines"),
        ("run", "runs", "running", "ran", "go", "going", "travel"),
        ("big", "bigger", "large", "great", "greatly", "heavy"),
        ("the", "The", "a", "of", ".", ","),
    )
    words = [word for family in families for word in family]
    for _ in range(3000):
        output, reference = (shuffle.choices(words, k=shuffle.randrange(14)) for _ in range(2))
        expected = single_meteor_score(reference, output)
        lower = [[word.lower() for word in text] for text in (output, reference)]

        assert expected == meteor.compare(*lower), (output, reference)


def test_the_best_of_several_references_counts(meteor: Meteor) -> None:
    """As in NLTK's `meteor_score`."""
    (several,) = meteor.score([Pair("a fast car", "a slow cow", ("a fast car", "nothing"))])

    assert meteor.score([Pair("a fast car", "a fast car")]) == [several]


def test_nltk_is_not_imported(asset: Callable[[str], Path]) -> None:
    """Neither its code nor its data folders are needed; importing it takes longer than hundreds of scores."""
    code = (
        "import sys; from pathlib import Path; from llmops_plugins.metrics.meteor.score import Meteor\n"
        "from llmops_plugins.metrics.pairs import Pair\n"
        "print(Meteor(Path(sys.argv[1]), Path(sys.argv[2])).score([Pair('I like cake.', 'I like cake.')]))\n"
        "print('nltk' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(asset("wordnet")), str(asset("punkt-tab"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "[{'meteor': 0.9921875}]\nFalse\n"


def test_synonyms_count(meteor: Meteor) -> None:
    """A synonym matches; another word does not."""
    same, synonym, other = meteor.score(
        [Pair(text, "a fast car") for text in ("a fast car", "a fast auto", "a fast cow")]
    )

    assert same == synonym
    assert other["meteor"] < synonym["meteor"]  # type: ignore[index]


@pytest.mark.timeout(120)
def test_twenty_thousand_words_do_not_stall(meteor: Meteor) -> None:
    """Long outputs, in sentences and without any period, are scored."""
    reference = "The quick brown fox jumps over the lazy dog."
    texts = ["word and another one, " * 5000, "Stop. Go! Now? " * 1000, "a" * 200_000, "?! " * 2000]
    scores = meteor.score([Pair(text, reference) for text in texts])

    assert all(isinstance(score, dict) for score in scores)
