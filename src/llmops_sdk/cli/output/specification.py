"""The specification that `llmops init` writes for a file: commented, and running as it stands."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.profile import FileProfile, middle
from llmops_sdk.values.names import name_of_file

_LEAST_TRAINED = 20
_SHORT_ANSWER = 60
_CHARACTERS_PER_TOKEN = 3
_FEWEST_TOKENS, _MOST_TOKENS = 16, 512
_MOST_ASKED = 100
_TEST_FRACTION = 0.2
_JUDGE = (
    "  # A larger model can grade by a rubric; it needs no reference if its prompt has no {reference}:",
    "  # - {use: llm-judge, url: 'https://api.openai.com/v1/chat/completions', model: gpt-4o, api_key: 'env:OPENAI_API_KEY'}",
)


@attrs.frozen(kw_only=True)
class Starter:
    """What a specification is written from.

    Attributes:
        profile: Of the file.
        target: Where the specification is written; paths in it are relative to its folder.
        test: Of a second file, whose rows are the test records.
        answers: A second file, with recorded answers to the rows.
    """

    profile: FileProfile
    target: Path
    test: FileProfile | None = None
    answers: Path | None = None

    @property
    def trains(self) -> bool:
        """Whether there are enough records with a reference to fine-tune a model."""
        return self.profile.answered >= _LEAST_TRAINED

    def text(self) -> str:
        """Return the specification."""
        command = self.target.name
        file = self.profile.table.path.name
        about = f"# Written by `llmops init {file}`: {self.profile.table.description}."
        usage = f"# Check it with `llmops plan {command}`, run it with `llmops run {command}`."
        generation = f"generation: {{max_new_tokens: {self._tokens()}, temperature: 0}}"
        parts = (
            f"{about}\n{usage}\nname: {name_of(self.target)}",
            self._dataset(),
            "# chat: the model's own chat format; a record's own messages are asked as they are.\nprompts: [chat]",
            self._models(),
            f"# Greedy decoding; the longest answer is a guess from the references.\n{generation}",
            self._evaluators(),
        )
        return "\n\n".join(parts) + "\n"

    def _dataset(self) -> str:
        profile = self.profile
        lines = [
            "datasets:",
            "  - use: file",
            f"    name: {name_of(profile.table.path)}",
            f"    path: {self._path(profile.table.path)}",
        ]
        if self.test:
            lines.append(f"    test_path: {self._path(self.test.table.path)}  # its rows are the test records")
        if profile.table.encoding not in ("", "utf-8", "utf-8-sig"):
            lines.append(f"    encoding: {profile.table.encoding}")
        lines += self._mapping()
        if not self.trains and not self.test:
            lines.append("    split: none  # nothing is fine-tuned: all rows are test records")
        elif not self.test:
            lines.append(f"    test_fraction: {_TEST_FRACTION}  # this share of the records is asked; the others train")
        if self.trains and profile.group:
            lines.append(f"    group: {scalar(profile.group)}  # records with the same value are never in both splits")
        if (self.test or profile).rows * (_TEST_FRACTION if self.trains and not self.test else 1) > _MOST_ASKED:
            lines.append(f"    max_test_records: {_MOST_ASKED}  # a first look; remove it for the final comparison")
        return "\n".join(lines)

    def _mapping(self) -> list[str]:
        mapping, shape = self.profile.mapping, self.profile.shape
        if shape:
            return [
                f"    # The rows are {shape.title}: no columns need to be named. If others hold the data:",
                "    # columns: {instruction: question, context: text, response: answers.text}",
            ]
        columns = ", ".join(f"{field}: {scalar(column)}" for field, column in mapping.columns.items())
        lines = [
            "    # Guessed by the names of the columns: correct it where it is wrong.",
            f"    columns: {{{columns}}}",
        ]
        if mapping.instruction:
            lines.append(f"    instruction: {scalar(mapping.instruction)}")
        if any(label.isdigit() for label in self.profile.labels):
            lines.append("    # labels: [first, second]  # the names of the labels 0, 1, ...")
        return lines

    def _models(self) -> str:
        lines = [
            "models:",
            "  # A small model that runs on this machine: 135 million parameters, 260 MB, downloaded once.",
            "  - {use: smollm2, name: base, fine_tune: false}",
        ]
        if self.trains:
            lines.append("  - {use: smollm2, name: tuned, trainer: {max_steps: 60}}  # a first try: 60 steps of LoRA")
        if self.answers:
            lines.append(f"  - {{use: recorded, name: recorded, path: {self._path(self.answers)}}}")
        lines.append("  # Any server with OpenAI's API is a candidate too, with its key in OPENAI_API_KEY:")
        lines.append("  # - {use: openai/gpt-4o-mini, name: hosted}")
        if not self.answers:
            lines.append("  # So is a file with the answers of an old model:")
            lines.append("  # - {use: recorded, name: old, path: answers.csv}")
        return "\n".join(lines)

    def _tokens(self) -> int:
        lengths = sorted(length for length in self.profile.references if length)
        if not lengths:
            return _MOST_TOKENS // 4
        long = lengths[int(0.95 * (len(lengths) - 1))]
        return min(_MOST_TOKENS, max(_FEWEST_TOKENS, long // _CHARACTERS_PER_TOKEN + _FEWEST_TOKENS))

    def _evaluators(self) -> str:
        profile = self.profile
        references = [length for length in profile.references if length]
        if not references:
            lines = [
                "# There is no reference to compare with. This needs none: how much do answers change with typing errors?",
                "evaluators:",
                "  - {use: general-semantic-robustness, metrics: [word_error_rate], num_perturbations: 1}",
            ]
        elif profile.labels:
            labels = ", ".join(map(scalar, profile.labels))
            lines = ["evaluators:", f"  - {{use: classification-accuracy, valid_labels: [{labels}]}}"]
        elif middle(references) <= _SHORT_ANSWER:
            lines = ["evaluators:", "  - qa-accuracy  # its first metric decides: F1 over words"]
        else:
            lines = [
                "evaluators:",
                "  - {use: text-metrics, metrics: [token_f1, length_ratio]}  # the first metric decides",
                "  # - summarization-accuracy  # ROUGE, METEOR and BERTScore: the extra 'metrics'",
            ]
        return "\n".join([*lines, *_JUDGE])

    def _path(self, path: Path) -> str:
        """Return a path as the specification names it: relative to its folder, if it is below it."""
        folder = self.target.absolute().parent
        absolute = path.absolute()
        return scalar(os.path.relpath(absolute, folder) if absolute.is_relative_to(folder) else str(absolute))


def name_of(path: Path) -> str:
    """Return a file's name as the name of a pipeline or a dataset."""
    return name_of_file(path) or "data"


def scalar(value: Any) -> str:
    """Return a text as YAML has it inside braces: quoted, unless it is a plain word.

    >>> scalar("text"), scalar("the text"), scalar("1"), scalar("no"), scalar("a.b[0]")
    ('text', '"the text"', '"1"', '"no"', '"a.b[0]"')
    """
    text = str(value)
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z_./-]*[A-Za-z0-9_./-]*", text) and text.lower() not in _WORDS_OF_YAML
    return text if is_plain else json.dumps(text, ensure_ascii=False)


_WORDS_OF_YAML = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
