"""The user's SageMaker config: the defaults that the SageMaker SDK reads from `config.yaml` of the administrator and of the user.

The files and their meaning are those of the SDK ("Configuring and using defaults with the SageMaker Python SDK"); the SDK
itself is not needed to read them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from llmops_plugins.sagemaker.errors import translated_errors
from llmops_plugins.sagemaker.mappings import merge
from llmops_sdk.plugin import UserError

REMOTE_FUNCTION = ("SageMaker", "PythonSDK", "Modules", "RemoteFunction")
"""The path to the defaults of `@step` functions."""

_NAME = "config.yaml"
_ADMIN, _USER = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"


class UserConfig:
    """The merged config. Nothing is read before the first question.

    Args:
        client: Returns a client of boto3 by the name of its service, for a config that is in S3.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def section(self, *keys: str) -> Mapping[str, Any]:
        """Return a mapping of the config by the path to it, or an empty one.

        Raises:
            UserError: A file cannot be read, or has another form.
        """
        value = self._at(keys)
        return value if isinstance(value, Mapping) else {}

    def text(self, *keys: str) -> str:
        """Return a text of the config by the path to it, or an empty one.

        Raises:
            UserError: A file cannot be read, or has another form.
        """
        value = self._at(keys)
        return value if isinstance(value, str) else ""

    def tags(self, *keys: str) -> list[dict[str, str]]:
        """Return the tags of a section of the config, each with `Key` and `Value`; none if it has none.

        Raises:
            UserError: A file cannot be read, or the tags have another form.
        """
        values = self._at((*keys, "Tags"))
        if values is None:
            return []
        tags = values if isinstance(values, list) else [values]
        if not all(isinstance(tag, Mapping) and {"Key", "Value"} <= tag.keys() for tag in tags):
            message = f"the SageMaker config's {'.'.join(keys)}.Tags must be a list of tags, each with Key and Value"
            raise UserError(message)
        return [{"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in tags]

    def _at(self, keys: tuple[str, ...]) -> Any:
        value: Any = self._merged
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    @cached_property
    def _merged(self) -> Mapping[str, Any]:
        admin, user = _folders()
        merged: Mapping[str, Any] = {}
        for name, folder in ((_ADMIN, admin), (_USER, user)):
            place = os.environ.get(name)
            if place is None and not (folder / _NAME).is_file():
                continue
            where = place if place is not None else str(folder / _NAME)
            merged = merge(merged, _parsed(self._read(where), where))
        return merged

    def _read(self, place: str) -> str:
        subject = f"SageMaker config {place!r}"
        if place.startswith("s3://"):
            parts = urlsplit(place)
            key = parts.path.lstrip("/")
            key = key if key.endswith((".yaml", ".yml")) else f"{key.rstrip('/')}/{_NAME}".lstrip("/")
            with translated_errors(subject):
                data: bytes = self._client("s3").get_object(Bucket=parts.netloc, Key=key)["Body"].read()
            return _decoded(data, subject)
        path = Path(place).expanduser()
        path = path / _NAME if path.is_dir() else path
        try:
            data = path.read_bytes()
        except OSError as exc:
            message = f"{subject} cannot be read: {(exc.strerror or str(exc)).lower()}"
            raise UserError(message) from exc
        return _decoded(data, subject)


def _folders() -> tuple[Path, Path]:
    """Return where the SDK looks for the administrator's config and for the user's, as platformdirs defines it."""
    if sys.platform == "darwin":
        return Path("/Library/Application Support/sagemaker"), Path.home() / "Library/Application Support/sagemaker"
    site = os.environ.get("XDG_CONFIG_DIRS", "").split(os.pathsep)[0] or "/etc/xdg"
    user = os.environ.get("XDG_CONFIG_HOME", "").strip() or str(Path.home() / ".config")
    return Path(site) / "sagemaker", Path(user) / "sagemaker"


def _decoded(data: bytes, subject: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        message = f"{subject} cannot be read: it is not UTF-8"
        raise UserError(message) from exc


def _parsed(text: str, place: str) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as exc:  # a date such as 2026-13-01 is a ValueError
        # Its text quotes the line, which may hold a secret.
        line = getattr(getattr(exc, "problem_mark", None), "line", -1) + 1
        message = f"SageMaker config {place!r} is no YAML{f' in line {line}' if line else ''}"
        raise UserError(message) from None
    if data is not None and not isinstance(data, Mapping):
        message = f"SageMaker config {place!r} must have keys (SchemaVersion, SageMaker) with their values"
        raise UserError(message)
    return data or {}
