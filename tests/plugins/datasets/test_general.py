"""The bundled general instructions."""

from __future__ import annotations

import json
from collections import Counter

import attrs

from llmops_plugins.datasets.general import GENERAL, GeneralDataset
from llmops_plugins.datasets.options import GeneralOptions
from llmops_plugins.datasets.sample import SAMPLE
from llmops_sdk.plugin import Context, file_sha256

from .rows import Load

ROWS = [json.loads(line) for line in GENERAL.read_text(encoding="utf-8").splitlines()]


def test_a_hundred_instructions_of_many_kinds_with_references() -> None:
    """None is empty, twice there, or among the other bundled records."""
    assert 100 == len(ROWS) == len({row["instruction"] + row["context"] for row in ROWS})
    assert {("instruction", "context", "response", "category")} == {tuple(row) for row in ROWS}
    assert all(row[field].strip() for row in ROWS for field in ("instruction", "response", "category"))
    kinds = Counter(row["category"] for row in ROWS)
    assert len(kinds) >= 10
    assert max(kinds.values()) <= 15
    sample = {json.loads(line)["instruction"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()}
    assert not [row for row in ROWS if row["context"] == "" and row["instruction"] in sample]


def test_all_are_test_records_where_nothing_is_trained(context: Context) -> None:
    """As for `retention`; the first records are of all kinds."""
    splits = GeneralDataset(GeneralOptions()).load(attrs.evolve(context, trains=False))
    assert (0, 100) == (splits.train.records, splits.test.records)
    assert "CC0-1.0" == splits.source["license"]
    assert len({row["category"] for row in ROWS[:10]}) >= 10


def test_it_can_be_split_as_any_dataset(load: Load) -> None:
    """The options are those of the split."""
    splits = load(GeneralDataset(GeneralOptions(test_fraction=0.5, max_test_records=20)))
    assert 20 == splits.test.records


def test_the_first_record_and_the_hash_are_known_without_loading(context: Context) -> None:
    """Other rows would be another artifact."""
    source = GeneralDataset(GeneralOptions())
    assert source.is_small
    assert ROWS[0]["instruction"] == (source.preview() or {})["instruction"]
    assert source.fingerprint(context).startswith(file_sha256(GENERAL))
