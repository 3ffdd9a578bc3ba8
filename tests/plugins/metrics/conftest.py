"""The real assets of the metrics, a context that brings them, and texts to compare."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics import hooks
from llmops_sdk import Progress
from llmops_sdk.plugin import Answer, Context, Evaluator, Generation, Outcome, RecordScore, TextPrompt
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

# Read by the OpenMP runtime and by torch when they are loaded, which the tests do below this line only.
os.environ.setdefault("OMP_NUM_THREADS", "1")

Texts = Sequence[tuple[str, str]]

ODD_TEXTS = (
    "",
    " ",
    "\n\t\r",
    ".",
    "...",
    "\x00\x01\x1b[31mred\x1b[0m\x7f",
    "\u200b\u200d\ufeff",
    "😀 👩‍👩‍👧‍👦 🇩🇪",
    "مرحبا بالعالم. كيف حالك؟",
    "שלום עולם \u202eabc\u202c",
    "今天天气很好。我们去公园吧!",
    "e\u0301tude \u00e9tude \uff26\uff35\uff2c\uff2c ﬁne ﷺ",
    "half \ud83d of a pair",
    "[CLS] tokens [SEP] written [MASK] out [UNK]",
    "<s> and </s> and <mask>",
    "quotes \"in\" 'it' `` and '' don't can't",
    "x" * 3000,
    "Mr. Smith went to Washington D.C. at 5 p.m. He didn't stay.",
    "100% of $1,000.50 -- 3/4 -> https://example.org/a?b=c",
    "THE END. the end. The End!",
)


@pytest.fixture
def context(tmp_path: Path, assets_home: Path, asset: Callable[[str], Path]) -> Context:
    """What a step would hand to an evaluator; its assets are fetched into the cache of the session."""

    def make(*_: Any) -> Any:
        pytest.fail("the metrics ask for no other plugin")

    return Context(
        run_id="20260102-030405-ab12",
        step="score",
        folder=tmp_path,
        home=assets_home,
        offline=True,
        progress=Progress(),
        log=logging.getLogger("llmops.test"),
        settings={},
        make=make,
        asset=asset,
    )


ScoreAnswer = Callable[..., RecordScore]


@pytest.fixture
def score_answer(tmp_path: Path) -> ScoreAnswer:
    """Return the score that an evaluator gives one output, by the fields of its record."""

    def score(
        evaluator: Evaluator, output: str, *, probes: dict[str, Outcome] | None = None, **record: Any
    ) -> RecordScore:
        generation = Generation(3, record, TextPrompt("?"), Answer(output), probes or {})
        (only,) = evaluator.evaluate(make_context(tmp_path), [generation])
        return only

    return score


@pytest.fixture
def metrics_registry() -> Registry:
    """The metrics plugin alone."""
    registry = Registry()
    registry.add("metrics", hooks, distribution="llmops-sdk")
    return registry


@pytest.fixture(scope="session")
def nltk_data(asset: Callable[[str], Path]) -> Iterator[Any]:
    """Let NLTK itself find the assets, so that its own functions can be asked for the expected values; its corpora."""
    from nltk import corpus, data

    before = list(data.path)
    data.path[:] = [str(asset("wordnet")), str(asset("punkt-tab"))]
    yield corpus
    data.path[:] = before


@pytest.fixture(scope="session")
def pairs(asset: Callable[[str], Path]) -> Texts:
    """Hundred (output, reference) pairs of English prose: glosses of WordNet, and the same with words changed."""
    shuffle = random.Random(20)
    lines = (asset("wordnet") / "corpora/wordnet/data.noun").read_text(encoding="utf-8").splitlines()
    glosses = [line.partition("| ")[2].strip() for line in lines if not line.startswith(" ")]
    prose = [text for text in shuffle.sample(glosses, 4000) if len(text.split()) > 12]
    found = []
    for start in range(0, 300, 3):
        reference = " ".join(text.capitalize() + "." for text in prose[start : start + 3])
        found.append((_changed(reference, prose[start + 400], shuffle), reference))
    return found


@pytest.fixture
def real_pairs(real_data: Callable[[str], Path]) -> Callable[[], Texts]:
    """Return (passage, summary) pairs of Dolly; skips where the data are not there."""

    def read() -> Texts:
        lines = real_data("dolly/dolly_mix_390.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [(row["context"], row["response"]) for row in rows if row["category"] == "summarization"]

    return read


@pytest.fixture(scope="session")
def odd_texts() -> Sequence[str]:
    """Texts that are hard on tokenizers."""
    return ODD_TEXTS


@pytest.fixture(scope="session")
def odd_pairs() -> Texts:
    """The odd texts, each with the next one and with itself."""
    return [
        pair
        for text, other in zip(ODD_TEXTS, (*ODD_TEXTS[1:], ODD_TEXTS[3]), strict=True)
        for pair in ((text, other), (text, text))
    ]


@pytest.fixture
def generations() -> Callable[[Texts], list[Generation]]:
    """Make generations from (output, reference) pairs, with indexes 10, 11, ..."""

    def make(texts: Texts) -> list[Generation]:
        return [
            Generation(index, {"instruction": "summarize", "response": reference}, TextPrompt("?", ""), Answer(output))
            for index, (output, reference) in enumerate(texts, start=10)
        ]

    return make


def _changed(text: str, other: str, shuffle: random.Random) -> str:
    """Drop, move, inflect and exchange words, as another author would."""
    words = []
    for word in text.split():
        chance = shuffle.random()
        if chance < 0.1:
            continue
        words.append(word + shuffle.choice(["s", "ed", "ing", "er"]) if chance < 0.2 and word.isalpha() else word)
        if chance > 0.9:
            words.append(shuffle.choice(other.split()))
    cut = shuffle.randrange(len(words))
    return " ".join(words[cut:] + words[:cut])
