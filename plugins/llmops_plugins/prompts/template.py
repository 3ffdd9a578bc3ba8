"""Templates of users' own: a YAML or JSON file, or the same keys as options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import yaml

from llmops_plugins.prompts.bundled import JUMPSTART_RESPONSE_KEY
from llmops_plugins.prompts.options import TemplateOptions
from llmops_sdk.plugin import ChatTemplate, DataError, PromptSource, PromptTemplate, TextTemplate

KEYS = ("prompt", "response_key", "completion", "stop", "messages")


class OwnTemplate(PromptSource):
    """A template from a file, from options, or from a file with what it does not say given as options.

    A file that was written for JumpStart, with `prompt` and `completion` only, works as it is.
    """

    options: TemplateOptions

    def template(self) -> PromptTemplate:
        """Return the template.

        Raises:
            DataError: The file cannot be read; names the key that is unknown, missing, given twice or of another type.
        """
        given = {key: value for key in KEYS if (value := getattr(self.options, key)) is not None}
        if not self.options.path:
            return _template(given, "the prompt 'template'")
        path = Path(self.options.path).expanduser().absolute()
        read = _read(path)
        twice = [key for key in KEYS if key in given and key in read]
        if twice:
            message = f"{twice[0]!r} is given as an option and in the template file {str(path)!r}; remove one of them"
            raise DataError(message)
        return _template({**read, **given}, f"the template file {str(path)!r}")


def _read(path: Path) -> dict[str, Any]:
    """Return the keys of a template file.

    JSON is not read as the YAML that it almost is: YAML knows no surrogate pairs, as which JSON may write an emoji.
    """
    where = f"the template file {str(path)!r}"
    is_json = path.suffix.lower() == ".json"
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text) if is_json else yaml.safe_load(text)
    except OSError as exc:
        message = f"{where} cannot be read: {(exc.strerror or str(exc)).lower()}"
        raise DataError(message) from exc
    except UnicodeDecodeError as exc:
        message = f"{where} is not UTF-8 at byte {exc.start}"
        raise DataError(message) from exc
    except (yaml.YAMLError, json.JSONDecodeError) as exc:
        message = f"{where} is not {'JSON' if is_json else 'YAML'}: {' '.join(str(exc).split())}"
        raise DataError(message) from exc
    if not isinstance(data, dict):
        message = f"{where} must have keys ({', '.join(KEYS)}) with their values; it is {_kind(data)}"
        raise DataError(message)
    return data


def _template(data: dict[str, Any], where: str) -> PromptTemplate:
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        message = f"{where} has the unknown key {unknown[0]!r}; known: {', '.join(KEYS)}"
        raise DataError(message)
    if ("prompt" in data) == ("messages" in data):
        both = "both prompt and messages" if "prompt" in data else "neither prompt nor messages"
        message = f"{where} has {both}; give one of the two"
        raise DataError(message)
    if "messages" in data and "response_key" in data:
        message = f"{where} has messages and a response_key; the model's chat format has its own, remove response_key"
        raise DataError(message)
    values = {key: _checked(key, value, where) for key, value in data.items()}
    if "messages" in values:
        return ChatTemplate(**values)
    return attrs.evolve(TextTemplate(prompt="", response_key=JUMPSTART_RESPONSE_KEY), **values)


def _checked(key: str, value: Any, where: str) -> Any:
    if key == "messages":
        return _messages(value, where)
    if key == "stop":
        stops = [value] if isinstance(value, str) else value
        if isinstance(stops, (list, tuple)) and all(isinstance(stop, str) for stop in stops):
            return tuple(stops)
        message = f"{where}: stop must be a list of texts, not {_kind(value)}"
        raise DataError(message)
    if not isinstance(value, str):
        message = f"{where}: {key} must be text, not {_kind(value)}"
        raise DataError(message)
    return value


def _messages(value: Any, where: str) -> tuple[dict[str, str], ...]:
    """Return the messages as they are; the core checks their keys and roles, as for every template."""
    fits = isinstance(value, (list, tuple)) and all(
        isinstance(each, dict) and all(isinstance(text, str) for text in (*each, *each.values())) for each in value
    )
    if not fits:
        message = f"{where}: messages must be a list of messages with the texts role and content, not {_kind(value)}"
        raise DataError(message)
    return tuple(value)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", tuple: "a list", str: "a text", bool: "true or false"}
    return "empty" if value is None else names.get(type(value), "a number")
