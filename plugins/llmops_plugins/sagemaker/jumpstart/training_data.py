"""The training data of a JumpStart job in S3: the splits, and the template that the job makes prompts with."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_sdk.plugin import RETRIEVED_FIELD, DatasetSplits, PromptTemplate, TextPrompt, TextTemplate, digest, render

_RENDERED = {"prompt": "{prompt}", "completion": "{completion}"}


def upload_data(aws: Aws, splits: DatasetSplits, prompt: PromptTemplate) -> str:
    """Upload the splits and the template, below the hash of their content; return the folder that the job reads.

    JumpStart has one template for all records. Where some have another form of the prompt, each is uploaded as its prompt
    and its completion, so that training and asking use the same text.
    """
    if not isinstance(prompt, TextTemplate):  # `check_template` has refused it with its name
        raise TypeError
    texts = {"prompt": prompt.prompt, "completion": prompt.completion}
    key = digest(splits.train.sha256, splits.test.sha256, texts, prompt.without_context)[:16]
    train = aws.uri("data", key, "train")
    with TemporaryDirectory(prefix="llmops-") as folder:
        path = splits.train.path
        if not _has_one_form(splits, prompt):
            path, texts = _write_rendered(splits, prompt, Path(folder) / "train.jsonl"), _RENDERED
        aws.upload(path, f"{train}/train.jsonl")
    aws.put(json.dumps(texts, ensure_ascii=False).encode(), f"{train}/template.json")
    aws.upload(splits.test.path, aws.uri("data", key, "test", "test.jsonl"))
    return train


def _has_one_form(splits: DatasetSplits, prompt: TextTemplate) -> bool:
    """Return whether the prompts of all training records have the form of records with a context, and nothing retrieved."""
    if any(RETRIEVED_FIELD in record for record in islice(splits.train, 1)):
        return False
    one_form = attrs.evolve(prompt, without_context="")
    return prompt == one_form or all(render(prompt, record) == render(one_form, record) for record in splits.train)


def _write_rendered(splits: DatasetSplits, prompt: TextTemplate, path: Path) -> Path:
    """Write the prompt, without the response key that JumpStart adds, and the completion of every training record."""
    without_key = attrs.evolve(prompt, response_key="")
    with path.open("w", encoding="utf-8") as file:
        for record in splits.train:
            rendered = render(without_key, record)
            if isinstance(rendered, TextPrompt):
                row = {"prompt": rendered.text, "completion": rendered.completion}
                file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
    return path
