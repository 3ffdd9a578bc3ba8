from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from .conftest import COMMIT

LOCATE = """
import json, sys
from pathlib import Path
import attrs
from llmops_plugins._weights.locate import locate, version
from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import BaseModel
from llmops_sdk.testing import make_context

folder = Path(sys.argv[2])
for source, revision, offline in json.loads(sys.argv[1]):
    context = attrs.evolve(make_context(folder / "step", home=folder), offline=offline)
    model = BaseModel("huggingface", source, revision)
    try:
        expected = version(context, model)
        weights = locate(context, model)
        print("ok", weights.version, expected == weights.version, *sorted(p.name for p in weights.folder.iterdir()))
    except AssetError as error:
        print("error", error)
"""


@pytest.fixture(name="locate_all")
def _locate_all(run_with_hub: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Locate models by id, revision and whether the run is offline."""
    return partial(run_with_hub, LOCATE)


def test_a_hub_id_is_resolved_to_its_commit(locate_all: Callable[..., list[str]], tiny_model: Path) -> None:
    """It is downloaded without other formats; offline, the cache serves it."""
    names = " ".join(sorted(path.name for path in tiny_model.iterdir()))
    absent, first, branch, commit, offline = locate_all(
        ("us/tiny", "", True),
        ("us/tiny", "", False),
        ("us/tiny", "main", False),
        ("us/tiny", COMMIT, False),
        ("us/tiny", "", True),
    )
    assert absent.startswith("error the model 'us/tiny' is not in the Hugging Face cache, and the run is offline; ")
    assert first == branch == commit == offline == f"ok {COMMIT} True {names}"
    assert locate_all(("us/tiny", "", False), up=False) == [first]


def test_errors_of_the_hub_say_what_to_do(locate_all: Callable[..., list[str]]) -> None:
    """Each is one line."""
    unknown, gated, revision, invalid = locate_all(
        ("us/nothing", "", False), ("them/gated", "", False), ("us/tiny", "v9", False), ("us/ti ny", "", False)
    )
    assert unknown.startswith("error the hub has no model 'us/nothing', or it is private: check the id; log in")
    assert gated.startswith(
        "error the model 'them/gated' is gated: accept its licence on its page at the hub, then log in"
    )
    assert revision == "error the model 'us/tiny' has no revision 'v9' on the hub"
    assert "us/ti ny" in invalid


def test_an_unreachable_hub_without_a_cached_copy(locate_all: Callable[..., list[str]]) -> None:
    """The error names both, and how to fix it."""
    (line,) = locate_all(("us/tiny", "", False), up=False)
    assert "is not in the Hugging Face cache, and the hub did not answer about the model 'us/tiny'" in line
    assert line.endswith(
        "; run 'hf download us/tiny' on a machine with a network and copy its cache here, or name a folder"
    )


def test_a_model_without_safetensors_is_refused(locate_all: Callable[..., list[str]]) -> None:
    """Its other weights are not downloaded."""
    assert locate_all(("us/pickled", "", False)) == [
        "error 'us/pickled' has no config.json with *.safetensors weights: name another model, or convert it"
    ]


def test_an_adapter_is_refused(locate_all: Callable[..., list[str]]) -> None:
    """With what to do, and not as a model that lacks files."""
    (line,) = locate_all(("us/adapter", "", False))
    assert line.startswith("error 'us/adapter' is not a model in Hugging Face format: it has only an adapter: merge it")
