"""Hub datasets through the real `datasets` library: `HF_ENDPOINT` is read at import, hence processes of their own."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.datasets import hub as hub_module
from llmops_plugins.datasets.sample import SAMPLE
from llmops_sdk import DataError
from llmops_sdk.plugin import Context

pytest.importorskip("datasets", reason="the hub is reached through the datasets library")

DOLLY = "databricks/databricks-dolly-15k"
NEWS = "press/news"
PRIVATE = "press/private"
TYPES = "press/types"
EMPTY = "press/empty"
OLD, NEW = "a" * 40, "b" * 40
CARD = b"---\nlicense: cc-by-sa-3.0\n---\n# rows\n"

# Loads each of the given datasets in turn, and tells what came of it.
SCRIPT = """
import json, logging, os, sys
from pathlib import Path

import attrs
import datasets  # noqa: F401
import huggingface_hub
from llmops_plugins.datasets.dolly import DollyDataset
from llmops_plugins.datasets.options import DollyOptions, HuggingFaceOptions
from llmops_plugins.datasets.huggingface import HuggingFaceDataset
from llmops_sdk import Progress, Secret, UserError
from llmops_sdk.plugin import Context

class Told(Progress):
    lines = []
    def log(self, text):
        self.lines.append(text)

def state():
    constants = huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    bars = datasets.are_progress_bars_disabled(), huggingface_hub.utils.are_progress_bars_disabled()
    counts = datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    # libraries that datasets imports set variables of their own, for OpenMP
    variables = {name: text for name, text in os.environ.items() if not name.startswith("KMP_")}
    return [variables, constants, bars, counts, logging.getLogger("datasets").level]

kinds = {"dolly": (DollyDataset, DollyOptions), "huggingface": (HuggingFaceDataset, HuggingFaceOptions)}
before = state()
for number, (kind, options, offline) in enumerate(json.loads(sys.argv[2])):
    source, options_class = kinds[kind]
    token = options.pop("token", None)
    dataset = source(options_class(**options, token=Secret(token) if token else None))
    context = Context(
        run_id="r", step="prepare", folder=Path(sys.argv[1]) / str(number), home=Path(sys.argv[1]) / "home",
        offline=offline, progress=Told(), log=logging.getLogger("llmops.test"), settings={}, make=None, asset=None,
    )
    Told.lines = []
    try:
        fingerprint, splits = dataset.fingerprint(context), dataset.load(context)
        outcome = {"fingerprint": fingerprint, "source": dict(splits.source), "train": splits.train.sha256,
                   "test": splits.test.sha256, "rows": splits.train.records, "folder": str(context.folder)}
    except UserError as exc:
        outcome = {"error": type(exc).__name__, "message": str(exc)}
    print(json.dumps({**outcome, "told": Told.lines}))
print(json.dumps([list(pair) for pair in zip(before, state()) if pair[0] != pair[1]], default=str))
"""


@attrs.frozen
class Outcome:
    """What a process told of the datasets it loaded, in their order."""

    results: list[dict[str, Any]]
    changed: list[Any]
    stderr: str


Action = tuple[str, dict[str, Any], bool]
Loader = Callable[..., Outcome]


@pytest.fixture(scope="module")
def load_all(tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """Load datasets in a process of their own, with a hub at a URL and a cache in a folder."""

    def load_all(url: str, cache: Path, actions: list[Action], **variables: str) -> Outcome:
        # loopback is never to be asked for through a proxy
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        hub = {"HF_ENDPOINT": url, "HF_HOME": str(cache), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        folder = tmp_path_factory.mktemp("loaded")
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder), json.dumps(actions)],
            env={**kept, **hub, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        *results, changed = map(json.loads, done.stdout.splitlines())
        return Outcome(results, changed, done.stderr)

    return load_all


def _news(first: int) -> bytes:
    rows = [
        {"article": f"text {n}", "highlights": f"short {n}", "day": n, "lang": "en"} for n in range(first, first + 9)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _types() -> bytes:
    """A Parquet file with columns that JSON can hold and columns that it cannot."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    places = range(4)
    columns = {
        "instruction": [f"do {n}" for n in places],
        "response": ["done"] * 4,
        "tags": [["a", "b"]] * 4,
        "notes": [{"by": "me", "stars": 5}] * 4,
        "half": [0.5] * 4,
        "day": [dt.date(2024, 1, 1)] * 4,
        "dates": [[dt.date(2024, 1, 1)]] * 4,
        "sound": [b"\0\1"] * 4,
    }
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def shelves(hub: Any) -> Any:
    """Put the datasets of this module into the hub."""
    rows = SAMPLE.read_bytes()
    shorter = b"".join(rows.splitlines(keepends=True)[:-20])
    hub.data_sets[DOLLY] = {
        OLD: {"README.md": CARD, "databricks-dolly-15k.jsonl": shorter},
        NEW: {"README.md": CARD, "databricks-dolly-15k.jsonl": rows},
    }
    configs = b"---\nconfigs:\n- config_name: daily\n  data_files:\n  - {split: train, path: d/train.jsonl}\n"
    configs += b"  - {split: test, path: d/test.jsonl}\n- config_name: weekly\n  data_files: w.jsonl\n---\n"
    news = {"README.md": configs, "d/train.jsonl": _news(0), "d/test.jsonl": _news(100), "w.jsonl": _news(200)}
    hub.data_sets[NEWS] = {OLD: news}
    hub.data_sets[PRIVATE] = {OLD: {"README.md": CARD, "rows.jsonl": rows}}
    hub.data_sets[TYPES] = {OLD: {"README.md": CARD, "rows.parquet": _types()}}
    hub.data_sets[EMPTY] = {OLD: {"README.md": CARD}}
    hub.tokens[PRIVATE] = "hf_right"
    return hub


NEWS_OPTIONS = {
    "id": NEWS,
    "columns": {"context": "article", "response": "highlights"},
    "instruction": "Summarize.",
    "test_fraction": 0.3,
}
ONLINE: dict[str, Action] = {
    "dolly": ("dolly", {"seed": 3}, False),
    "old dolly": ("dolly", {"revision": OLD}, False),
    "no revision": ("dolly", {"revision": "v9"}, False),
    "news": ("huggingface", {**NEWS_OPTIONS, "config": "daily", "test_split": "test", "filter": {"lang": "en"}}, False),
    "a part": ("huggingface", {**NEWS_OPTIONS, "config": "weekly", "split": "train[:50%]"}, False),
    "types": ("huggingface", {"id": TYPES}, False),
    "no name": ("huggingface", NEWS_OPTIONS, False),
    "no split": ("huggingface", {**NEWS_OPTIONS, "config": "weekly", "split": "dev"}, False),
    "empty": ("huggingface", {"id": EMPTY}, False),
    "no such": ("huggingface", {"id": "press/nothing"}, False),
    "no id": ("huggingface", {"id": "a/b/c"}, False),
    "no token": ("huggingface", {"id": PRIVATE}, False),
    "wrong token": ("huggingface", {"id": PRIVATE, "token": "env:LLMOPS_TEST_WRONG"}, False),
    "token": ("huggingface", {"id": PRIVATE, "token": "env:LLMOPS_TEST_RIGHT"}, False),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face cache that the online loads fill."""
    return tmp_path_factory.mktemp("huggingface")


@pytest.fixture(scope="module")
def online(shelves: Any, cache: Path, load_all: Loader) -> dict[str, Any]:
    """What came of loading everything with the hub there."""
    tokens = {"LLMOPS_TEST_RIGHT": "hf_right", "LLMOPS_TEST_WRONG": "hf_wrong"}
    outcome = load_all(shelves.url, cache, list(ONLINE.values()), **tokens)
    named = dict(zip(ONLINE, outcome.results, strict=True))
    return {**named, "changed": outcome.changed, "stderr": outcome.stderr}


@pytest.fixture(scope="module")
def dead_url() -> str:
    """An address where nothing listens: the discard port, which needs root to be used."""
    return "http://127.0.0.1:9"


OFFLINE: dict[str, Action] = {
    "dolly": ("dolly", {"seed": 3}, True),
    "old dolly": ("dolly", {"revision": OLD}, True),
    "news": ("huggingface", {**NEWS_OPTIONS, "config": "daily", "test_split": "test"}, True),
    "empty": ("huggingface", {"id": EMPTY}, True),
    "not cached": ("huggingface", {"id": "press/nothing"}, True),
    "other revision": ("dolly", {"revision": "v9"}, True),
    "unreachable": ("dolly", {"seed": 3}, False),
    "unreachable, not cached": ("huggingface", {"id": "press/nothing"}, False),
}


@pytest.fixture(scope="module")
def offline(online: dict[str, Any], cache: Path, load_all: Loader, dead_url: str) -> dict[str, Any]:
    """What came of loading from that cache, with no hub."""
    assert online
    outcome = load_all(dead_url, cache, list(OFFLINE.values()))
    return {**dict(zip(OFFLINE, outcome.results, strict=True)), "changed": outcome.changed}


def test_the_hub_gives_the_same_splits_as_a_file_of_the_same_rows(online: dict[str, Any], context: Context) -> None:
    """Dolly by hub and Dolly by path are the same bytes, from the newest commit, which is told."""
    from llmops_plugins.datasets.dolly import DollyDataset
    from llmops_plugins.datasets.options import DollyOptions

    splits = DollyDataset(DollyOptions(seed=3, path=str(SAMPLE))).load(context)
    found = online["dolly"]
    assert (splits.train.sha256, splits.test.sha256) == (found["train"], found["test"])
    assert found["fingerprint"] == NEW
    assert found["source"]["commit"] == NEW
    assert found["source"]["id"] == DOLLY
    assert (Path(found["folder"]) / "template.json").read_bytes() == (context.folder / "template.json").read_bytes()


def test_a_revision_is_its_commit_and_no_other(online: dict[str, Any]) -> None:
    """An older commit gives the rows it had."""
    assert online["old dolly"]["fingerprint"] == OLD
    assert online["old dolly"]["rows"] < online["dolly"]["rows"]
    assert f"the dataset {DOLLY!r} has no revision 'v9' on the Hugging Face hub" == online["no revision"]["message"]


def test_a_configuration_and_its_splits_are_read(online: dict[str, Any]) -> None:
    """Columns are mapped, a test split of the hub stays the test split, and a part of a split can be named."""
    rows = Path(online["news"]["folder"], "test.jsonl").read_text().splitlines()
    expected = {"instruction": "Summarize.", "context": "text 100", "response": "short 100", "day": 100, "lang": "en"}
    assert expected == json.loads(rows[0])
    assert (9, 9) == (online["news"]["rows"], len(rows))
    assert online["a part"]["source"]["split"] == "train[:50%]"
    assert 2 == online["a part"]["rows"]  # half of 9 rows are 4, of which 0.3 (2, rounded up) are tested


def test_columns_that_json_cannot_hold_are_left_out_and_told(online: dict[str, Any]) -> None:
    """Lists, structures and numbers are kept; dates and bytes are not, alone or in a list."""
    row = json.loads(Path(online["types"]["folder"], "test.jsonl").read_text().splitlines()[0])
    assert ["instruction", "context", "response", "half", "notes", "tags"] == list(row)
    assert [0.5, {"by": "me", "stars": 5}, ["a", "b"]] == list(row.values())[3:]
    expected = f"columns of {TYPES} that JSON cannot hold are left out: dates, day, sound"
    assert [expected] == online["types"]["told"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no name", [f"{NEWS!r} cannot be loaded", "daily", "weekly"]),
        ("no split", [f"{NEWS!r} cannot be loaded", "dev"]),
        ("empty", [f"{EMPTY!r} cannot be loaded", "'sample'"]),
        ("no such", ["the Hugging Face hub has no dataset 'press/nothing' that can be read", "env:HF_TOKEN"]),
        ("no id", ["'a/b/c' is no dataset id of the Hugging Face hub: write OWNER/NAME"]),
        ("no token", [f"has no dataset {PRIVATE!r} that can be read; a private or gated one needs token"]),
        ("wrong token", [f"has no dataset {PRIVATE!r} that can be read; the token may not read it"]),
    ],
)
def test_what_the_hub_has_not_is_told_in_one_line(online: dict[str, Any], case: str, words: list[str]) -> None:
    """The message names the dataset and what is wrong with the question."""
    found = online[case]
    assert found["error"] == "DataError"
    assert "\n" not in found["message"]
    assert [word for word in words if word not in found["message"]] == []


def test_a_token_opens_a_private_data_set_and_is_not_recorded(online: dict[str, Any]) -> None:
    """The token is sent to the hub and told to nobody else."""
    assert online["token"]["rows"] > 0
    assert "hf_" not in json.dumps({key: value for key, value in online.items() if key != "changed"})


def test_nothing_of_the_process_is_left_changed(online: dict[str, Any], offline: dict[str, Any]) -> None:
    """Environment, offline switches, bars and loggers of the libraries are as before, and they wrote no line."""
    assert online["changed"] == []
    assert offline["changed"] == []
    assert online["stderr"] == ""


def test_only_the_hub_is_asked(online: dict[str, Any], shelves: Any) -> None:
    """Every request went to a path of a dataset; there is no other service behind the load."""
    assert online["dolly"]["rows"]
    assert [line for line in shelves.asked if "/datasets/" not in line] == []


@pytest.mark.parametrize("case", ["dolly", "old dolly", "news"])
def test_offline_the_cache_gives_the_same(online: dict[str, Any], offline: dict[str, Any], case: str) -> None:
    """What was loaded once is loaded again without a network: the same commit, the same bytes, nothing to say."""
    same = ("fingerprint", "train", "test")
    assert {key: online[case][key] for key in same} == {key: offline[case][key] for key in same}
    assert offline[case]["told"] == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("not cached", ["the network is not used (offline)", "its cache has not 'press/nothing'", "'sample'", "path"]),
        ("empty", [f"the cached commit {OLD[:12]} of {EMPTY!r} cannot be loaded", "'sample'", "path"]),
        ("other revision", ["its cache has not revision 'v9' of", "'sample'", "path"]),
        ("unreachable, not cached", ["the Hugging Face hub cannot be reached", "'sample'", "path"]),
    ],
)
def test_what_cannot_be_had_is_told_and_not_replaced(offline: dict[str, Any], case: str, words: list[str]) -> None:
    """One line says why, and names the bundled dataset and the file as ways out."""
    found = offline[case]
    assert found["error"] == "DataError"
    assert "\n" not in found["message"]
    assert [word for word in words if word not in found["message"]] == []


def test_an_unreachable_hub_is_told_when_the_cache_is_used(online: dict[str, Any], offline: dict[str, Any]) -> None:
    """The user learns which commit it is, once."""
    found = offline["unreachable"]
    assert online["dolly"]["train"] == found["train"]
    line = f"the Hugging Face hub cannot be reached; {DOLLY} is read from its cache, at commit {NEW[:12]}"
    assert [line] == found["told"]


def test_the_library_own_offline_switch_is_honoured(
    online: dict[str, Any], cache: Path, load_all: Loader, shelves: Any
) -> None:
    """With HF_HUB_OFFLINE set by the user, the hub is not asked though it is there."""
    before = len(shelves.asked)
    outcome = load_all(shelves.url, cache, [ONLINE["dolly"]], HF_HUB_OFFLINE="1")
    assert online["dolly"]["train"] == outcome.results[0]["train"]
    assert before == len(shelves.asked)


def test_rows_of_another_commit_are_refused(tmp_path: Path) -> None:
    """The library falls back to what it cached last when the hub fails under way: that is told, not used."""
    datasets = pytest.importorskip("datasets")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": "x"}\n')
    loaded = datasets.load_dataset("json", data_files=str(rows), split="train", cache_dir=str(tmp_path / OLD))
    hub_module._require_commit(loaded, hub_module.Pinned(hub_module.HubId(NEWS), OLD, folder=None))
    with pytest.raises(DataError, match=f"did not answer while {NEWS!r} was loaded"):
        hub_module._require_commit(loaded, hub_module.Pinned(hub_module.HubId(NEWS), NEW, folder=None))
