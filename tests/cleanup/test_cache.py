"""The cache of this machine: what can be freed, by age, and never while a run uses it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from llmops_sdk import Registry, UserError
from llmops_sdk.assets.asset import find_asset
from llmops_sdk.cleanup.cache import WORK_SECONDS, find_cached, free_cached
from llmops_sdk.steps.runtime import used_cache

DAY = 86400.0
FILES = {
    "assets/wordnet/asset.json": 7,
    "assets/wordnet/corpora/data": 1000,
    "assets/fmeval/lib/x": 50,
    "assets/of-an-earlier-version/weights": 300,
    "assets/.minilm.part/half": 20,
    "assets/.minilm.lock": 0,
    "downloads/1f.part": 40,
    "downloads/1f.lock": 0,
    "hashes/2a.json": 5,
    "work/artifacts/model/3b/checkpoint": 60,
    "work/runs/a-1/endpoints/x": 2,
    "locks/cache.lock": 0,
    "notes-of-the-user.txt": 9,
}


@pytest.fixture(name="cache")
def _cache(home: Path) -> Path:
    """A cache with something of each kind."""
    for name, size in FILES.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return home


def test_all_that_comes_back_is_freed(cache: Path, registry: Registry) -> None:
    """What interrupted steps left stays for a week, locks and what is not ours for ever."""
    items = find_cached(cache, registry, older_than=None, now=time.time() + 1)

    assert [
        ("assets/.minilm.part", 20, "an interrupted download"),
        ("assets/fmeval", 50, "no run downloads it; get it again with: llmops assets get fmeval"),
        ("assets/of-an-earlier-version", 300, "no plugin needs it any longer"),
        ("assets/wordnet", 1007, "downloaded again when needed"),
        ("downloads", 40, "files of interrupted downloads"),
        ("hashes", 5, "hashes of model files, computed again when needed"),
    ] == [(item.name, item.size, item.origin) for item in items]

    assert 20 + 50 + 300 + 1007 + 40 + 5 == free_cached(cache, items)
    left = {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}
    assert {
        "assets/.minilm.lock",
        "work/artifacts/model/3b/checkpoint",
        "work/runs/a-1/endpoints/x",
        "locks/cache.lock",
        "notes-of-the-user.txt",
    } == left
    assert find_asset(registry.asset("wordnet"), cache) is None


def test_an_age_keeps_what_is_younger(cache: Path, registry: Registry) -> None:
    """It applies to what interrupted steps left, too."""
    now = time.time()

    assert () == find_cached(cache, registry, older_than=DAY, now=now)
    names = {item.name for item in find_cached(cache, registry, older_than=DAY, now=now + 2 * DAY)}
    assert {"work/artifacts/model/3b", "work/runs/a-1", "assets/wordnet"} <= names
    later = find_cached(cache, registry, older_than=None, now=now + WORK_SECONDS + 1)
    assert "work/artifacts/model/3b" in {item.name for item in later}


def test_nothing_is_freed_while_a_run_uses_the_cache(cache: Path, registry: Registry) -> None:
    """It may be about to read any of it."""
    items = find_cached(cache, registry, older_than=None, now=time.time() + 1)

    with (
        used_cache(cache),
        used_cache(cache),
        pytest.raises(UserError, match="a run on this machine is using the cache"),
    ):
        free_cached(cache, items)

    assert FILES.keys() <= {path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()}
    assert 0 < free_cached(cache, items)


def test_an_empty_cache_has_nothing_to_free(tmp_path: Path, registry: Registry) -> None:
    """Nor one that does not exist."""
    assert () == find_cached(tmp_path / "none", registry, older_than=None, now=time.time())
