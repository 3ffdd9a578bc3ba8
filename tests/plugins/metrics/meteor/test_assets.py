"""WordNet and NLTK's sentence model as assets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.meteor.assets import WORDNET_FOLDER, complete_wordnet, punkt_asset, wordnet_asset
from llmops_sdk import AssetError
from llmops_sdk.assets.asset import verify_asset
from llmops_sdk.plugin import Asset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    return fetched


@pytest.mark.parametrize("made", [wordnet_asset, punkt_asset])
def test_the_asset_is_complete(made: Callable[[], Asset], asset: Callable[[str], Path]) -> None:
    """Fetched for real, it has every named file, with its pinned hash where it has one, and about the stated size."""
    expected = made()
    folder = asset(expected.name)

    assert verify_asset(expected, folder.parent.parent) == ()
    assert expected.size == pytest.approx(sum(path.stat().st_size for path in folder.rglob("*")), rel=0.2)


@pytest.mark.slow
def test_nltks_own_reader_can_open_the_wordnet_asset(nltk_data: Any) -> None:
    """Its files include the list of lexicographer files, which Debian's packages lack."""
    wordnet = nltk_data.wordnet

    assert wordnet.get_version() == "3.0"
    assert wordnet.synset("dog.n.01").lexname() == "noun.animal"
    assert wordnet.synset("quickly.r.01").lexname() == "adv.all"


def test_another_version_of_wordnet_is_refused(folder: Path) -> None:
    """Version 3.1 has other synonyms, and METEOR other values."""
    (folder / WORDNET_FOLDER).mkdir(parents=True)
    (folder / WORDNET_FOLDER / "data.noun").write_text("  1 WordNet 3.1 Copyright 2011\n")
    with pytest.raises(AssetError, match=r"it is not WordNet 3.0"):
        complete_wordnet(folder)


def test_the_list_of_lexicographer_files_is_written_only_where_it_is_missing(
    asset: Callable[[str], Path], folder: Path
) -> None:
    """45 lines, numbered from 0; a list that came with the files is kept."""
    (folder / WORDNET_FOLDER).mkdir(parents=True)
    shutil.copy(asset("wordnet") / WORDNET_FOLDER / "data.noun", folder / WORDNET_FOLDER)
    complete_wordnet(folder)
    lines = (folder / WORDNET_FOLDER / "lexnames").read_text().splitlines()

    assert (len(lines), lines[0], lines[3], lines[44]) == (45, "00\tadj.all\t3", "03\tnoun.Tops\t1", "44\tadj.ppl\t3")
    (folder / WORDNET_FOLDER / "lexnames").write_text("kept")
    complete_wordnet(folder)
    assert (folder / WORDNET_FOLDER / "lexnames").read_text() == "kept"
