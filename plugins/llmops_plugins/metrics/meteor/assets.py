"""The assets of METEOR: WordNet, and the sentence model of NLTK's tokenizer."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins.metrics.meteor.debian import DebianSource
from llmops_plugins.metrics.meteor.nltk_data import NltkDataSource, NltkDownloadSource
from llmops_sdk.plugin import Asset, AssetError, FolderSource, WheelSource

WORDNET = "wordnet"
PUNKT = "punkt-tab"
WORDNET_FOLDER = "corpora/wordnet"
PUNKT_FOLDER = "tokenizers/punkt_tab/english"

_PUNKT_FILES = {
    "abbrev_types.txt": "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779",
    "collocations.tab": "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf",
    "ortho_context.tab": "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c",
    "sent_starters.txt": "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac",
}

# WordNet's lexicographer files in the order of their numbers (man 5WN lexnames).
_LEXNAMES = (
    *("adj.all", "adj.pert", "adv.all", "noun.Tops"),
    *(f"noun.{name}" for name in (
        "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event", "feeling", "food",
        "group", "location", "motive", "object", "person", "phenomenon", "plant", "possession", "process", "quantity",
        "relation", "shape", "state", "substance", "time",
    )),
    *(f"verb.{name}" for name in (
        "body", "change", "cognition", "communication", "competition", "consumption", "contact", "creation", "emotion",
        "motion", "perception", "possession", "social", "stative", "weather",
    )),
    "adj.ppl",
)  # fmt: skip
_PART_NUMBERS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def wordnet_asset() -> Asset:
    """Return WordNet 3.0, in the layout of NLTK's data: NLTK's own reader can open it too."""
    files = [f"{kind}.{part}" for kind in ("index", "data") for part in _PART_NUMBERS]
    files += [f"{part}.exc" for part in _PART_NUMBERS]
    return Asset(
        name=WORDNET,
        summary="WordNet 3.0, the synonyms of METEOR (WordNet licence, Princeton University)",
        size=37_400_000,
        files={f"{WORDNET_FOLDER}/{file}": "" for file in (*files, "lexnames")},
        sources=(
            NltkDataSource(WORDNET_FOLDER),
            FolderSource("WordNet's system folder", (Path("/usr/share/wordnet"),), {WORDNET_FOLDER: "."}),
            # Debian's build has other bytes than Princeton's, and the same synonyms for every word.
            DebianSource(
                {"wordnet-base": "1:3.0-", "wordnet-sense-index": "1:3.0-"}, {WORDNET_FOLDER: "usr/share/wordnet"}
            ),
            NltkDownloadSource(WORDNET_FOLDER),
        ),
        convert=complete_wordnet,
    )


def punkt_asset() -> Asset:
    """Return Punkt's English sentence model, in the layout of NLTK's data."""
    return Asset(
        name=PUNKT,
        summary="the English sentence model of NLTK's word_tokenize, for METEOR",
        size=255_000,
        files={f"{PUNKT_FOLDER}/{file}": sha256 for file, sha256 in _PUNKT_FILES.items()},
        sources=(
            NltkDataSource(PUNKT_FOLDER),
            WheelSource(
                package="llama-index-core",
                version="0.14.25",
                sha256="caa7d9c5ac9b13dc33400cf8d5e92e689b6d1e4497eb9bfa50d6f52ca2eb22a1",
                members={PUNKT_FOLDER: f"llama_index/core/_static/nltk_cache/{PUNKT_FOLDER}"},
            ),
            NltkDownloadSource(PUNKT_FOLDER),
        ),
    )


def complete_wordnet(folder: Path) -> None:
    """Check that a folder holds WordNet 3.0, and write its list of lexicographer files where it is missing.

    Raises:
        AssetError: It is another version, whose synonyms differ.
    """
    wordnet = folder / WORDNET_FOLDER
    if not _is_wordnet_3_0(wordnet / "data.noun"):
        message = "it is not WordNet 3.0"
        raise AssetError(message)
    lines = (
        f"{number:02d}\t{name}\t{_PART_NUMBERS[name.partition('.')[0]]}\n" for number, name in enumerate(_LEXNAMES)
    )
    names = wordnet / "lexnames"
    if not names.is_file():
        names.write_text("".join(lines), encoding="ascii")


def _is_wordnet_3_0(data: Path) -> bool:
    """Read the licence at the start of a data file."""
    if not data.is_file():
        return False
    with data.open("rb") as file:
        return b"WordNet 3.0 Copyright" in file.read(2000)
