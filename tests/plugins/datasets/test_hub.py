"""Through the real `datasets` library, in processes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.datasets import hub as hub_module
from llmops_sdk import DataError

from .hub_loads import DOLLY, EMPTY, NEW, NEWS, OLD, ONLINE, PRIVATE, Outcomes
from .hub_server import Hub

pytest.importorskip("datasets", reason="datasets of the hub are loaded by the datasets library")


def test_a_revision_is_its_commit_and_no_other(online: dict[str, Any]) -> None:
    """An older commit gives the rows it had."""
    assert online["old dolly"]["fingerprint"] == OLD
    assert online["old dolly"]["rows"] < online["dolly"]["rows"]
    assert f"the dataset {DOLLY!r} has no revision 'v9' on the hub" == online["no revision"]["message"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no configuration", [f"{NEWS!r} cannot be loaded", "daily", "weekly"]),
        ("no split", [f"{NEWS!r} cannot be loaded", "dev"]),
        ("empty", [f"{EMPTY!r} cannot be loaded", "'sample'"]),
        ("no such", ["the hub has no dataset 'press/nothing', or it is private", "HF_TOKEN"]),
        ("no id", ["'a/b/c' is not an id of the hub: write OWNER/NAME"]),
        ("no token", [f"the hub has no dataset {PRIVATE!r}, or it is private"]),
        ("wrong token", [f"the hub has no dataset {PRIVATE!r}, or it is private", "the token may not read it"]),
    ],
)
def test_what_the_hub_does_not_have_is_one_line(online: dict[str, Any], case: str, words: list[str]) -> None:
    """The message names the dataset and the problem."""
    result = online[case]
    assert result["error"] == "DataError"
    assert "\n" not in result["message"]
    assert [word for word in words if word not in result["message"]] == []


def test_a_token_opens_a_private_dataset_and_is_not_recorded(online: dict[str, Any]) -> None:
    """The token is sent to the hub, and appears nowhere else."""
    assert online["token"]["rows"] > 0
    assert "hf_" not in json.dumps({key: value for key, value in online.items() if key != "changed"})


def test_the_process_is_left_unchanged(online: dict[str, Any], offline: dict[str, Any]) -> None:
    """The environment, and the libraries' offline switches, bars and loggers are as before; nothing is printed."""
    assert online["changed"] == []
    assert offline["changed"] == []
    assert online["stderr"] == ""


def test_what_the_cache_has_is_previewed(offline: dict[str, Any]) -> None:
    """The first record, without a request; what is not in the cache has no preview."""
    assert ["instruction", "context", "response"] == list(offline["dolly"]["preview"])
    assert "text 0" in offline["news"]["preview"].values()
    assert [None] * 3 == [offline[case]["preview"] for case in ("empty", "not cached", "other revision")]


def test_the_preview_names_a_column_that_is_missing(online: dict[str, Any]) -> None:
    """As loading the dataset would; the columns that JSON cannot hold are left out."""
    assert {"day", "sound", "dates"}.isdisjoint(online["types"]["preview"])
    assert online["a date as response"]["message"] == online["a date as response"]["preview"]


def test_only_the_hub_is_asked(online: dict[str, Any], hub: Hub) -> None:
    """Every request goes to a path of a dataset; no other service is used."""
    assert online["dolly"]["rows"]
    assert [line for line in hub.requests if "/datasets/" not in line] == []


@pytest.mark.parametrize("case", ["dolly", "old dolly", "news"])
def test_offline_the_cache_gives_the_same(online: dict[str, Any], offline: dict[str, Any], case: str) -> None:
    """What was loaded once is loaded again without a network: the same commit, the same bytes, nothing logged."""
    same = ("fingerprint", "train", "test")
    assert {key: online[case][key] for key in same} == {key: offline[case][key] for key in same}
    assert offline[case]["logged"] == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "not cached",
            ["the network is not used (offline)", "cache does not have 'press/nothing'", "'sample'", "path"],
        ),
        ("empty", [f"the cached commit {OLD[:12]} of {EMPTY!r} cannot be loaded", "'sample'", "path"]),
        ("other revision", ["cache does not have revision 'v9' of", "'sample'", "path"]),
        ("unreachable, not cached", ["the hub did not answer about the dataset 'press/nothing'", "'sample'", "path"]),
    ],
)
def test_what_is_not_available_is_never_replaced(offline: dict[str, Any], case: str, words: list[str]) -> None:
    """One line has the reason, and suggests the bundled dataset or a file."""
    result = offline[case]
    assert result["error"] == "DataError"
    assert "\n" not in result["message"]
    assert [word for word in words if word not in result["message"]] == []


def test_using_the_cache_of_an_unreachable_hub_is_logged(online: dict[str, Any], offline: dict[str, Any]) -> None:
    """The user learns which commit it is, once."""
    result = offline["unreachable"]
    assert online["dolly"]["train"] == result["train"]
    line = f"the Hugging Face hub cannot be reached; using {DOLLY} from its cache, at commit {NEW[:12]}"
    assert [line] == result["logged"]


@pytest.mark.slow  # it loads the datasets library once more
def test_the_libraries_own_offline_switch_is_honoured(
    online: dict[str, Any], cache: Path, load_from: Callable[..., Outcomes], hub: Hub
) -> None:
    """With HF_HUB_OFFLINE set by the user, the hub gets no request although it can be reached."""
    before = len(hub.requests)
    outcomes = load_from(hub.url, cache, [ONLINE["dolly"]], HF_HUB_OFFLINE="1")
    assert online["dolly"]["train"] == outcomes.results[0]["train"]
    assert before == len(hub.requests)


def test_rows_of_another_commit_are_refused(tmp_path: Path) -> None:
    """If the hub fails meanwhile, the library falls back to what it cached last: that is an error."""
    datasets = pytest.importorskip("datasets")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": "x"}\n')
    loaded = datasets.load_dataset("json", data_files=str(rows), split="train", cache_dir=str(tmp_path / OLD))
    dataset = hub_module.HubDataset(NEWS)
    hub_module._require_commit(loaded, hub_module.PinnedDataset(dataset, OLD, folder=None))
    with pytest.raises(DataError, match=f"did not answer while {NEWS!r} was loaded"):
        hub_module._require_commit(loaded, hub_module.PinnedDataset(dataset, NEW, folder=None))
