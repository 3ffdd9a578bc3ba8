"""Names of parts of a pipeline, made from what they are: a file, a model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from llmops_sdk.errors import SpecError

_LONGEST = 60
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,7}")


def name_from(text: str) -> str:
    """Return a text as a name, which becomes part of file names: letters, digits, `-` and `_`; empty if it has none.

    >>> name_from("Llama 3.2 (3B)"), name_from("Données"), name_from("数据")
    ('Llama-3-2-3B', 'Donnees', '')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:_LONGEST].strip("-_")


def name_of_file(path: Path | str) -> str:
    """Return the name of a file without its suffixes.

    >>> name_of_file("data/My rows (v2).jsonl.gz")
    'My-rows-v2'
    """
    name = Path(path).name
    while Path(name).stem and _SUFFIX.fullmatch(Path(name).suffix):
        name = Path(name).stem
    return name_from(name)


def name_of_model(model: str) -> str:
    """Return the name of a model or a folder, without the names before it.

    >>> name_of_model("ollama/llama3.2:3b"), name_of_model("out/checkpoint-500/")
    ('llama3-2-3b', 'checkpoint-500')
    """
    return name_from(model.rstrip("/").rpartition("/")[2])


def with_seed(name: str, seed: int | None) -> str:
    """Return what messages call a checkpoint of a candidate.

    >>> with_seed("tuned", 2), with_seed("base", None)
    ('tuned (seed 2)', 'base')
    """
    return name if seed is None else f"{name} (seed {seed})"


def check_seed(seed: int | None, known: Collection[int | None], candidate: str) -> None:
    """Check that a candidate has a checkpoint of a seed.

    Args:
        seed: The seed; None is the one of a candidate without several.
        known: Those that it has.
        candidate: What the message calls it.

    Raises:
        SpecError: It has none.
    """
    if seed in known:
        return
    if None in known:
        message = f"{candidate} was not fine-tuned with several seeds; leave out the seed"
    else:
        message = f"{candidate} was fine-tuned with the seeds {', '.join(map(str, known))}; choose one of them"
    raise SpecError(message)


def weights_text(weights: Mapping[str, float]) -> str:
    """Return the weights of datasets for people.

    >>> weights_text({"sales": 2.0, "support": 0.5})
    'sales 2, support 0.5'
    """
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
