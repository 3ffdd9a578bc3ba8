"""Records, prompts and names as the texts that other tools' files hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from llmops_sdk.plugin import CellResult, Prompt, Record, TextPrompt

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def prompt_text(prompt: Prompt) -> str:
    """Return what was asked as one text; of a chat, its messages as JSON."""
    return prompt.text if isinstance(prompt, TextPrompt) else json_text([dict(message) for message in prompt.messages])


def reference_text(record: Record) -> str:
    """Return the reference of a record as text; empty where it has none."""
    response = record.get("response", "")
    return response if isinstance(response, str) else json_text(response)


def json_text(value: object) -> str:
    """Return a value as JSON, with letters of all languages as they are."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)


def checkpoint_name(cell: CellResult) -> str:
    """Return the candidate's name; of one that was trained with several seeds, with that of the checkpoint."""
    return cell.candidate if cell.seed is None else f"{cell.candidate}-seed{cell.seed}"


def file_name(name: str) -> str:
    """Return a name as part of a path.

    >>> file_name("org/model: 7B"), file_name("..")
    ('org_model_7B', '_')
    """
    return _UNSAFE.sub("_", name).strip(".") or "_"
