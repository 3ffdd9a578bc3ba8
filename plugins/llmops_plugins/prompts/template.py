"""The prompt `template`: the user's own, from a YAML or JSON file or from the same keys as options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import yaml

from llmops_plugins.prompts.bundled import JUMPSTART_RESPONSE_KEY
from llmops_plugins.prompts.options import TemplateOptions
from llmops_sdk.plugin import (
    ChatTemplate,
    DataError,
    PromptSource,
    PromptTemplate,
    TextTemplate,
    name_other_format,
    read_head,
)

KEYS = ("prompt", "response_key", "completion", "stop", "messages")


class OwnTemplate(PromptSource):
    """A template from a file, from options, or from a file with the keys it lacks as options.

    A file that was written for JumpStart, with `prompt` and `completion` only, works as it is.
    """

    options: TemplateOptions

    def template(self) -> PromptTemplate:
        """Return the template.

        Raises:
            DataError: The file cannot be read, or a key is unknown, missing, set twice or of another type; names the key.
        """
        options = {key: value for key in KEYS if (value := getattr(self.options, key)) is not None}
        if not self.options.path:
            return _template(options, "the prompt 'template'")
        path = Path(self.options.path).expanduser().absolute()
        values = _read(path)
        twice = [key for key in KEYS if key in options and key in values]
        if twice:
            message = f"{twice[0]!r} is set as an option and in the template file {str(path)!r}; remove one of them"
            raise DataError(message)
        return _template({**values, **options}, f"the template file {str(path)!r}")


def _read(path: Path) -> dict[str, Any]:
    """Return the keys of a template file.

    JSON files are not read as YAML, although JSON is almost YAML: in JSON, an emoji may be written as a surrogate pair,
    which YAML does not have.
    """
    name = f"the template file {str(path)!r}"
    is_json = path.suffix.lower() == ".json"
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text) if is_json else yaml.safe_load(text)
    except OSError as exc:
        message = f"{name} cannot be read: {(exc.strerror or str(exc)).lower()}"
        raise DataError(message) from exc
    except UnicodeDecodeError as exc:
        problem = name_other_format(read_head(path)) or f"is not UTF-8 at byte {exc.start}"
        message = f"{name} {problem}"
        raise DataError(message) from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        problem = name_other_format(read_head(path))
        if problem:
            message = f"{name} {problem}"
            raise DataError(message) from exc
        message = f"{name} is not {'JSON' if is_json else 'YAML'}: {' '.join(str(exc).split())}"
        raise DataError(message) from exc
    if not isinstance(data, dict):
        message = f"{name} must have keys ({', '.join(KEYS)}) with their values; it is {_describe_type(data)}"
        raise DataError(message)
    return data


def _template(data: dict[str, Any], name: str) -> PromptTemplate:
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        message = f"{name} has the unknown key {unknown[0]!r}; known: {', '.join(KEYS)}"
        raise DataError(message)
    if ("prompt" in data) == ("messages" in data):
        both = "both prompt and messages" if "prompt" in data else "neither prompt nor messages"
        message = f"{name} has {both}; set one of them"
        raise DataError(message)
    if "messages" in data and "response_key" in data:
        message = f"{name} has messages and a response_key; the model's chat format has its own: remove response_key"
        raise DataError(message)
    values = {key: _checked(key, value, name) for key, value in data.items()}
    if "messages" in values:
        return ChatTemplate(**values)
    return attrs.evolve(TextTemplate(prompt="", response_key=JUMPSTART_RESPONSE_KEY), **values)


def _checked(key: str, value: Any, name: str) -> Any:
    if key == "messages":
        return _messages(value, name)
    if key == "stop":
        stops = [value] if isinstance(value, str) else value
        if isinstance(stops, (list, tuple)) and all(isinstance(stop, str) for stop in stops):
            return tuple(stops)
        message = f"{name}: stop must be a list of texts, not {_describe_type(value)}"
        raise DataError(message)
    if not isinstance(value, str):
        message = f"{name}: {key} must be text, not {_describe_type(value)}"
        raise DataError(message)
    return value


def _messages(value: Any, name: str) -> tuple[dict[str, str], ...]:
    """Return the messages as they are; the core checks their keys and roles, as for every template."""
    valid = isinstance(value, (list, tuple)) and all(
        isinstance(each, dict) and all(isinstance(text, str) for text in (*each, *each.values())) for each in value
    )
    if not valid:
        message = (
            f"{name}: messages must be a list of messages with the texts role and content, not {_describe_type(value)}"
        )
        raise DataError(message)
    return tuple(value)


def _describe_type(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", tuple: "a list", str: "a text", bool: "true or false"}
    return "empty" if value is None else names.get(type(value), "a number")
