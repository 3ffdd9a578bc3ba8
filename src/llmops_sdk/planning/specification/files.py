"""Specification files (YAML), and overrides of their values (`--set`)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.data import spec_from
from llmops_sdk.planning.specification.spec import Spec
from llmops_sdk.planning.specification.yaml_text import parse_yaml

LARGEST_FILE = 10 * 2**20
"""The largest specification file that is read, in bytes."""

_LONGEST_INDEX = 10
_SHORT_FORM = re.compile(
    r"(datasets|prompts|models|evaluators|reporters)\.\d+|executor|(models\.\d+\.)?(trainer|deployer)"
)
"""Where a name stands for a mapping: `prompts: [plain]` is `prompts: [{use: plain}]`."""


def read_spec(path: Path, overrides: Iterable[str] = ()) -> Spec:
    """Read a specification file.

    Args:
        path: YAML (or JSON, which is YAML).
        overrides: `KEY.PATH=VALUE` texts, as for `llmops run --set`; a number in the path is an index into a list.

    Raises:
        SpecError: The file cannot be read or does not fit; the message names the place in it.
    """
    data = parse_yaml(_read(path), str(path))
    for override in overrides:
        _apply(override, data)
    return spec_from(data, where=str(path), folder=path.absolute().parent)


def _read(path: Path) -> str:
    """Return the text of a specification file: UTF-8, with or without a byte order mark."""
    shown = repr(str(path))
    try:
        if path.is_dir() or path.is_char_device() or path.is_block_device():
            message = (
                f"the specification file {shown} cannot be read: it is {'a folder' if path.is_dir() else 'a device'}"
            )
            raise SpecError(message)
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        message = f"there is no specification file {shown}; `llmops examples` lists some to start from"
        raise SpecError(message) from None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        message = f"the specification file {shown} cannot be read: {reason}"
        raise SpecError(message) from exc
    if len(data) > LARGEST_FILE:
        message = f"the specification file {shown} is larger than {LARGEST_FILE // 2**20} MiB; is it a data file?"
        raise SpecError(message)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        message = f"the specification file {shown} is UTF-16; save it as UTF-8"
        raise SpecError(message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        message = f"the specification file {shown} is not UTF-8: byte 0x{data[exc.start]:02x} in line {line}"
        raise SpecError(message) from exc


def read_options(overrides: Iterable[str]) -> dict[str, Any]:
    """Return the options that `KEY=VALUE` texts set; the values are YAML.

    >>> read_options(["path=scores.csv", "tags.team=nlp"])
    {'path': 'scores.csv', 'tags': {'team': 'nlp'}}

    Raises:
        SpecError: A text has another form.
    """
    options: dict[str, Any] = {}
    for override in overrides:
        _apply(override, options)
    return options


def _apply(override: str, data: Any) -> None:
    """Set one value in the data of a file, in place."""
    path, equals, value = override.partition("=")
    if not equals or not path:
        message = f"an override is written KEY.PATH=VALUE, for example models.1.trainer.epochs=2, not {override!r}"
        raise SpecError(message)
    *parents, last = path.split(".")
    place = data
    for depth, key in enumerate(parents):
        parent, where = place, ".".join(parents[: depth + 1])
        place = _child(parent, key, f"the override {override!r}", where)
        if isinstance(place, str) and _SHORT_FORM.fullmatch(where):
            place = parent[int(key) if isinstance(parent, list) else key] = {"use": place}
    _child(place, last, f"the override {override!r}", path)
    place[int(last) if isinstance(place, list) else last] = _parse(value, override)


def _child(place: Any, key: str, override: str, path: str) -> Any:
    """Return what a key or an index leads to; a missing key leads to a new mapping."""
    if isinstance(place, dict):
        return place.setdefault(key, {})
    if isinstance(place, list) and key.isdecimal() and len(key) < _LONGEST_INDEX and int(key) < len(place):
        return place[int(key)]
    message = f"{override} does not fit: the specification has no {path!r}"
    raise SpecError(message)


def _parse(value: str, override: str) -> Any:
    try:
        return parse_yaml(value, f"the override {override!r}")
    except SpecError as exc:
        path = override.partition("=")[0]
        message = f"{exc}; put text with ':' or brackets in two kinds of quotes: --set '{path}=\"text: more\"'"
        raise SpecError(message) from exc
