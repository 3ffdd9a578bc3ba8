"""What files weigh: bytes with several names are free once the last name is gone."""

from __future__ import annotations

from llmops_sdk.cleanup.weight import Weight, freed_bytes, stored_bytes
from llmops_sdk.record.stores import StoredFile


def weigh(*files: StoredFile) -> Weight:
    """Return the weight of files."""
    weight = Weight()
    for file in files:
        weight.add(file)
    return weight


def test_a_linked_file_counts_when_its_last_name_goes() -> None:
    """One of three names, then the other two: only all of them free its bytes."""
    run = weigh(StoredFile("runs/a/x", 10), StoredFile("runs/a/samples", 100, None, "1:7", 3))
    artifact = weigh(StoredFile("artifacts/a/1/samples", 100, None, "1:7", 3))
    other = weigh(StoredFile("runs/b/samples", 100, None, "1:7", 3))

    assert 10 == freed_bytes([run])
    assert 10 == freed_bytes([run, artifact])
    assert 110 == freed_bytes([run, artifact, other])
    assert 110 == stored_bytes([run, artifact, other])


def test_the_newest_file_dates_all() -> None:
    """Of a store that keeps no times, nothing is known."""
    assert 7.0 == weigh(StoredFile("a", 1, 3.0), StoredFile("b", 1, 7.0), StoredFile("c", 1, 5.0)).modified
    assert weigh(StoredFile("a", 1)).modified is None
