"""Whether a model has a chat template of its own, by what is on this machine or on the hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins._weights.chat_template import find_chat_template

FIND = """
import json, sys
from llmops_plugins._weights.chat_template import find_chat_template
from llmops_sdk import AssetError

for source, revision, offline in json.loads(sys.argv[1]):
    try:
        print(find_chat_template(source, revision, offline=offline))
    except AssetError as error:
        print("error", error)
"""
DOWNLOAD = """
import json, sys
from huggingface_hub import snapshot_download

for source, _, _ in json.loads(sys.argv[1]):
    snapshot_download(source)
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tokenizer_config.json": '{"chat_template": "{{ messages }}"}'}, True),
        ({"tokenizer_config.json": '{"chat_template": [{"name": "default", "template": "x"}]}'}, True),
        ({"tokenizer_config.json": "{}", "chat_template.jinja": "{{ messages }}"}, True),
        ({"chat_template.json": '{"chat_template": "x"}'}, True),
        ({"tokenizer_config.json": '{"chat_template": null}'}, False),
        ({"tokenizer_config.json": "not JSON"}, False),
        ({"config.json": "{}"}, False),
    ],
)
def test_the_files_of_a_folder_decide(files: dict[str, str], tmp_path: Path, *, expected: bool) -> None:
    """In its configuration, or in a file of its own as transformers 5 saves it."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    assert expected is find_chat_template(str(tmp_path), "", offline=True)


def test_nothing_is_known_of_an_adapter(tmp_path: Path) -> None:
    """Whatever is wrong with a folder is reported when the weights are checked."""
    (tmp_path / "adapter_config.json").write_text("{}")
    assert find_chat_template(str(tmp_path), "", offline=True) is None


def test_the_tokenizer_of_a_saved_model_is_found(tiny_model: Path) -> None:
    """As the installed transformers saves it."""
    assert find_chat_template(str(tiny_model), "", offline=True)


@pytest.mark.parametrize(("key", "expected"), [("tokenizer.chat_template", True), ("tokenizer.ggml.model", False)])
def test_the_metadata_of_a_gguf_file_decides(key: str, tmp_path: Path, *, expected: bool) -> None:
    """The file is written by the library of llama.cpp."""
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string(key, "{{ messages }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert expected is find_chat_template(str(path), "", offline=True)


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    """A folder or a file that does not exist, and another asset; the default model is known without its files."""
    for source in (str(tmp_path / "nowhere"), str(tmp_path / "no.gguf"), "some-asset"):
        assert find_chat_template(source, "", offline=True) is None
    assert find_chat_template("smollm2-135m-instruct", "", offline=True)


def test_the_hub_is_asked_without_filling_its_cache(run_with_hub: Callable[..., list[str]], tmp_path: Path) -> None:
    """A model with some of its files in the cache would look as if it had been downloaded."""
    assert ["True"] == run_with_hub(FIND, ("us/tiny", "", False))
    assert not list((tmp_path / "hf" / "hub").glob("models--*/snapshots/*/*"))
    absent, unreachable = run_with_hub(FIND, ("us/tiny", "", True), ("us/tiny", "", False), up=False)
    assert absent == "None"
    assert unreachable.startswith("error the hub did not answer about the model 'us/tiny'")


def test_the_cache_is_enough(run_with_hub: Callable[..., list[str]]) -> None:
    """A model that was downloaded needs no network."""
    run_with_hub(DOWNLOAD, ("us/tiny", "", False))

    assert ["True", "True"] == run_with_hub(FIND, ("us/tiny", "", True), ("us/tiny", "", False), up=False)


def test_a_damaged_configuration_is_no_error_here(tmp_path: Path) -> None:
    """It is reported when the weights are located."""
    (tmp_path / "tokenizer_config.json").write_text(json.dumps([1]), encoding="utf-8")

    assert find_chat_template(str(tmp_path), "", offline=True) is False
