"""The cards of the datasets plugin, and what `llmops doctor` is told."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, util
from pathlib import Path

import attrs
import pytest

from llmops_plugins.datasets import checks, hooks, options
from llmops_sdk.plugin import DatasetCard, DatasetSource


@pytest.mark.parametrize("card", hooks.llmops_cards(), ids=lambda card: card.name)
def test_every_card_can_be_made(card: DatasetCard) -> None:
    """Each card names a data source, and options that all say what they do."""
    module, _, name = card.load.partition(":")
    assert issubclass(getattr(import_module(module), name), DatasetSource)
    assert [field.name for field in attrs.fields(card.options) if not field.metadata.get("help")] == []


def test_only_the_hub_needs_the_library() -> None:
    """Dolly has a file as its other road, so its card requires nothing."""
    assert {"huggingface": ("datasets",)} == {
        card.name: card.requires for card in hooks.llmops_cards() if card.requires
    }


def test_what_is_only_a_way_to_the_rows_is_no_part_of_the_key() -> None:
    """A moved file or another token repeats no work: the fingerprint has the contents."""
    for cls in (options.DollyOptions, options.FileOptions, options.HuggingFaceOptions):
        free = {field.name for field in attrs.fields(cls) if not field.metadata["affects_results"]}
        assert free <= {"path", "test_path", "token"}
        assert free


def test_the_defaults_are_the_articles() -> None:
    """Dolly is split nine to one; the bundled rows, of which there are fewer, four to one."""
    dolly, sample = options.DollyOptions(), options.SampleOptions()
    assert ("summarization", 0.1, 42, None, None) == (
        dolly.category,
        dolly.test_fraction,
        dolly.seed,
        dolly.max_train_records,
        dolly.max_test_records,
    )
    assert ("summarization", 0.2, 42) == (sample.category, sample.test_fraction, sample.seed)


def test_finding_the_cards_loads_nothing_heavy() -> None:
    """The hooks, the sources and the hub module import neither the library nor what it needs."""
    modules = "hooks, checks, sample, dolly, jsonl, csv_source, huggingface"
    heavy = "{'datasets', 'pyarrow', 'pandas', 'numpy', 'huggingface_hub', 'torch'}"
    code = f"import sys; from llmops_plugins.datasets import {modules}; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "[]\n"


def test_there_are_no_assets() -> None:
    """Hub datasets stay in Hugging Face's own cache."""
    assert hooks.llmops_assets() == ()


def test_doctor_counts_the_bundled_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check reads the file, and says how to mend a broken installation."""
    look = {check.name: check.run for check in hooks.llmops_checks()}["bundled dataset"]
    assert ("ok", "sample: 268 records") == (look().status, look().text)
    monkeypatch.setattr(checks, "SAMPLE", tmp_path / "gone.jsonl")
    assert look().status == "error"
    assert "gone.jsonl" in look().text
    assert look().hint


def test_doctor_tells_whether_the_hub_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check names the library's version, or the extra that brings it."""
    look = {check.name: check.run for check in hooks.llmops_checks()}["datasets library"]
    if util.find_spec("datasets"):
        assert look().status == "ok"
        assert look().text.startswith("datasets ")
    monkeypatch.setattr(util, "find_spec", lambda _: None)
    assert ("warning", "pip install 'llmops-sdk[datasets]'") == (look().status, look().hint)
