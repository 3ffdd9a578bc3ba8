from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from llmops_plugins.datasets.options import SampleOptions
from llmops_plugins.datasets.sample import SAMPLE, SampleDataset
from llmops_sdk import DataError
from llmops_sdk.plugin import Context, file_sha256

from .rows import Load


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """All bundled rows."""
    return [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the default category."""
    return [row for row in rows if row["category"] == "summarization"]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip())


def test_there_are_enough_rows_and_other_categories(rows: list[dict[str, Any]]) -> None:
    """Most rows are summarization, and there are others to filter out."""
    counts = Counter(row["category"] for row in rows)
    assert len(rows) >= 250
    assert counts["summarization"] >= 200
    assert len(counts) >= 4


def test_every_row_has_dollys_fields(rows: list[dict[str, Any]]) -> None:
    """Fields are text, and none but the context is empty."""
    assert {("instruction", "context", "response", "category")} == {tuple(row) for row in rows}
    assert all(isinstance(text, str) for row in rows for text in row.values())
    assert all(row[field].strip() for row in rows for field in ("instruction", "response", "category"))


def test_contexts_are_paragraphs(summaries: list[dict[str, Any]]) -> None:
    """A context has 60 to 180 words: worth a summary, and quick on a CPU."""
    lengths = [len(row["context"].split()) for row in summaries]
    assert 60 <= min(lengths)
    assert max(lengths) <= 180


def test_references_are_short(summaries: list[dict[str, Any]]) -> None:
    """A reference has one to three sentences and is shorter than its context."""
    assert {len(_sentences(row["response"])) for row in summaries} <= {1, 2, 3}
    assert all(len(row["response"]) < len(row["context"]) for row in summaries)


def test_no_reference_is_the_first_sentence(summaries: list[dict[str, Any]]) -> None:
    """Copying the first sentence is no perfect answer."""
    assert [row for row in summaries if _words(row["response"]) == _words(_sentences(row["context"])[0])] == []


def test_no_two_contexts_share_eight_words(rows: list[dict[str, Any]]) -> None:
    """Contexts are independent texts: none is a variation of another."""
    first_seen: dict[tuple[str, ...], int] = {}
    shared = set()
    for number, row in enumerate(rows):
        words = _words(row["context"])
        for place in range(len(words) - 7):
            gram = tuple(words[place : place + 8])
            if first_seen.setdefault(gram, number) != number:
                shared.add((first_seen[gram], number, " ".join(gram)))
    assert shared == set()


def test_the_default_test_split_has_at_least_40_records(load: Load) -> None:
    """Both splits have summarization records only, without the category's field, and share none."""
    splits = load(SampleDataset(SampleOptions()))
    assert splits.test.records >= 40
    assert splits.train.records >= 150
    assert {("instruction", "context", "response")} == {tuple(row) for row in [*splits.train, *splits.test]}
    assert not {row["context"] for row in splits.train} & {row["context"] for row in splits.test}
    assert splits.source["license"] == "CC0-1.0"
    assert splits.source["sha256"] == file_sha256(SAMPLE)
    assert splits.source["duplicates_dropped"] == splits.source["overlap_dropped"] == "0"


def test_all_categories_can_be_loaded(load: Load, rows: list[dict[str, Any]]) -> None:
    """An empty category keeps every row, with the field that tells them apart."""
    splits = load(SampleDataset(SampleOptions(category="")))
    assert len(rows) == splits.train.records + splits.test.records
    assert Counter(row["category"] for row in rows) == Counter(row["category"] for row in [*splits.train, *splits.test])


def test_the_options_of_the_split_are_used(load: Load) -> None:
    """Seed, fraction and maxima."""
    splits = load(SampleDataset(SampleOptions(seed=1, test_fraction=0.5, max_train_records=30, max_test_records=20)))
    assert (30, 20) == (splits.train.records, splits.test.records)


def test_an_unknown_category_is_an_error_with_the_known_ones(load: Load) -> None:
    """The message has the number of rows of each."""
    with pytest.raises(DataError) as caught:
        load(SampleDataset(SampleOptions(category="summary")))
    assert str(caught.value).startswith("no record has category 'summary'; category is one of: summarization (220), ")


def test_the_fingerprint_is_the_hash_of_the_file(context: Context) -> None:
    """Other bundled rows would be another artifact."""
    assert file_sha256(SAMPLE) == SampleDataset(SampleOptions()).fingerprint(context)
