"""Specification files (YAML), and overrides of their values (`--set`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.spec import Spec
from llmops_sdk.planning.spec_data import spec_from


def read_spec(path: Path, overrides: Iterable[str] = ()) -> Spec:
    """Read a specification file.

    Args:
        path: YAML (or JSON, which is YAML).
        overrides: `KEY.PATH=VALUE` texts, as for `llmops run --set`; a number in the path is an index into a list.

    Raises:
        SpecError: The file cannot be read or does not fit; the message names the place in it.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"there is no specification file {str(path)!r}; `llmops examples` lists some to start from"
        raise SpecError(message) from None
    except (OSError, UnicodeDecodeError) as exc:
        message = f"the specification file {str(path)!r} cannot be read: {exc}"
        raise SpecError(message) from exc
    except yaml.YAMLError as exc:
        message = f"{path} is not valid YAML: {' '.join(str(exc).split())}"
        raise SpecError(message) from exc
    for override in overrides:
        _apply(override, data)
    return spec_from(data, where=str(path), folder=path.absolute().parent)


def _apply(override: str, data: Any) -> None:
    """Set one value in the data of a file, in place."""
    path, equals, value = override.partition("=")
    if not equals or not path:
        message = f"an override is written KEY.PATH=VALUE, for example models.1.trainer.epochs=2, not {override!r}"
        raise SpecError(message)
    *parents, last = path.split(".")
    place = data
    for depth, key in enumerate(parents):
        place = _child(place, key, f"the override {override!r}", ".".join(parents[: depth + 1]))
    _child(place, last, f"the override {override!r}", path)
    place[int(last) if isinstance(place, list) else last] = _parse(value, override)


def _child(place: Any, key: str, override: str, path: str) -> Any:
    """Return what a key or an index leads to; a missing key leads to a new mapping."""
    if isinstance(place, dict):
        return place.setdefault(key, {})
    if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
        return place[int(key)]
    message = f"{override} does not fit: the specification has no {path!r}"
    raise SpecError(message)


def _parse(value: str, override: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as exc:
        message = (
            f"the override {override!r} has a value that is not valid YAML; put texts with ':' or brackets in quotes"
        )
        raise SpecError(message) from exc
