"""What several benchmarks work on: the model, and prompts with completions of the sample data."""

from __future__ import annotations

import json
from pathlib import Path


def model() -> str:
    """Return the folder of the model that is trained and asked."""
    from llmops_sdk import Progress
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.steps.runtime import Runtime, default_home

    return str(Runtime(Registry.load(), default_home(), progress=Progress()).asset("smollm2-135m-instruct"))


def bf16() -> bool:
    """Return whether this machine computes in bfloat16."""
    from llmops_plugins.local.device import pick_device

    return pick_device().dtype == "bfloat16"


def rows(path: Path, count: int) -> Path:
    """Write prompts and completions of the sample data, and return the file."""
    from importlib.resources import files

    from llmops_plugins.prompts.hooks import llmops_cards  # noqa: F401 - the plugin must be installed
    from llmops_sdk.plugin import TextPrompt, render
    from llmops_sdk.plugin.registry import Registry

    template = Registry.load().make("prompt", "alpaca", {}).template()
    data = files("llmops_plugins.datasets") / "data" / "sample.jsonl"
    records = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    chosen = [record for record in records if record["category"] == "summarization"][:: max(1, 220 // count)][:count]
    with path.open("w", encoding="utf-8") as out:
        for record in chosen:
            prompt = render(template, record)
            if isinstance(prompt, TextPrompt):
                out.write(json.dumps({"prompt": prompt.text, "completion": prompt.completion}) + "\n")
    return path
