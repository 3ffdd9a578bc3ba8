"""Snapshots of repositories on a hub: what is downloaded, and what the cache answers."""

from __future__ import annotations

import pytest

from .conftest import COMMIT, Ask

pytest.importorskip("huggingface_hub", reason="the hub is reached through its library")

TINY = "Repository(id='us/tiny')"
ALL = "README.md config.json model.safetensors onnx/config.json onnx/model.onnx pytorch_model.bin"


def test_a_revision_is_resolved_downloaded_and_found_again_offline(ask: Ask) -> None:
    """The newest commit, a branch and the commit itself are the same files; the cache then has each of them."""
    revisions = ["''", "'main'", f"'{COMMIT}'"]
    online = ask(
        *(f"snapshot.find_snapshot(Repository(id='us/tiny', revision={name}), offline=False)" for name in revisions)
    )
    offline = ask(
        *(f"snapshot.find_snapshot(Repository(id='us/tiny', revision={name}), offline=True)" for name in revisions),
        up=False,
    )

    assert online == offline == [f"{COMMIT} {ALL}"] * 3


def test_patterns_choose_the_files(ask: Ask) -> None:
    """Only allowed files that are not ignored are downloaded."""
    call = f"snapshot.download_snapshot({TINY}, allow=('*.json', '*.safetensors'), ignore=('*/*',))"

    assert ask(call) == [f"{COMMIT} config.json model.safetensors"]


def test_a_dataset_is_a_kind_of_its_own(ask: Ask) -> None:
    """Downloading one small file is enough for the cache to know the commit of a revision."""
    rows = "Repository(id='us/rows', kind='dataset')"

    assert ask(
        f"snapshot.hub_commit({rows})",
        f"snapshot.cached_snapshot({rows})",
        f"snapshot.download_snapshot({rows}, allow=('README.md',))",
        f"snapshot.cached_snapshot({rows})",
    ) == [COMMIT, "None", f"{COMMIT} README.md", f"{COMMIT} README.md"]


def test_the_cache_answers_for_a_hub_that_does_not(ask: Ask) -> None:
    """A hub that cannot be reached is no error where the cache has the files; a direct question to it is one."""
    first = ask(f"snapshot.find_snapshot({TINY}, offline=False)")
    cached, error = ask(f"snapshot.find_snapshot({TINY}, offline=False)", f"snapshot.hub_commit({TINY})", up=False)

    assert first == [cached]
    assert error.startswith("HubUnreachableError: the hub did not answer about the model 'us/tiny' (")


def test_offline_without_a_cached_copy(ask: Ask) -> None:
    """Nothing is asked for; the message names the cache."""
    assert ask(f"snapshot.find_snapshot({TINY}, offline=True)") == [
        "AssetError: the model 'us/tiny' is not in the Hugging Face cache"
    ]


def test_a_download_is_reported_in_our_own_way(ask: Ask) -> None:
    """The progress names the repository and its bytes, and the bars of the hub's library are as they were before."""
    shown = "__import__('huggingface_hub.utils').utils.are_progress_bars_disabled()"
    call = f"snapshot.download_snapshot({TINY}, allow=('*.json',), progress=Lines())"

    assert ask(shown, call, shown) == [
        "False",
        "downloading us/tiny 4 bytes",
        f"{COMMIT} config.json onnx/config.json",
        "False",
    ]
