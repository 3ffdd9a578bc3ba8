"""The weights that a command gets in place of `{model}`: a path of this machine, and their version."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_plugins._weights.folder import check_model_folder
from llmops_plugins._weights.gguf import check_gguf, gguf_version
from llmops_plugins._weights.locate import locate, version
from llmops_plugins.served.names import COMMAND, GGUF
from llmops_sdk.plugin import BaseModel, Context, ServableModel


@attrs.frozen
class ServedWeights:
    """Weights on this machine.

    Attributes:
        path: A folder in Hugging Face format, or a GGUF file; None if the command names its model itself.
        version: What identifies them; empty for those of a trainer, and where there are none.
        name: What the model is called.
    """

    path: Path | None
    version: str
    name: str


def find_weights(context: Context, model: ServableModel) -> ServedWeights:
    """Return the weights of a model; those of a base model are downloaded if they are missing.

    Raises:
        AssetError: There are none, or they are not complete.
    """
    if not isinstance(model, BaseModel):
        # A trainer leaves the adapters merged into the base weights; the step that asks knows their hash.
        return ServedWeights(check_model_folder(model.uri), "", f"{_name(model.base)}-tuned")
    if model.format == COMMAND:
        return ServedWeights(None, "", "model")
    if model.format == GGUF:
        file = check_gguf(model.source)
        return ServedWeights(file, gguf_version(context.home, file), _name(model))
    weights = locate(context, model)
    return ServedWeights(weights.folder, weights.version, _name(model))


def weights_version(context: Context, model: BaseModel) -> str:
    """Return the version of base weights, without downloading those of a hub id; empty if the command names them.

    Raises:
        AssetError: There are no such weights.
    """
    if model.format == COMMAND:
        return ""
    if model.format == GGUF:
        return gguf_version(context.home, check_gguf(model.source))
    return version(context, model)


def _name(model: BaseModel) -> str:
    return Path(model.source).name.removesuffix(".gguf") or "model"
