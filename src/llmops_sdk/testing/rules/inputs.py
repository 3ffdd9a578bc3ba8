"""What a card is checked with: options, and the records, answers, models or files that its kind takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.data import Record
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.models import ServableModel
from llmops_sdk.values.prompts import PromptTemplate, TextTemplate

RECORDS: tuple[Record, ...] = (
    {"instruction": "Name the capital.", "context": "Peru", "response": "Lima"},
    {"instruction": "Name the capital.", "context": "Chile", "response": "Santiago", "references": ["Santiago"]},
    {"instruction": "Add.", "context": "17 and 25", "response": "42"},
    {"instruction": "Shorten it.", "context": "The ferry left late. Rain fell.", "response": "The ferry was late."},
    {"instruction": "Translate it.", "context": "Grüße aus Köln 🌧", "response": "Greetings from Cologne 🌧"},
    {"instruction": "Repeat it.", "context": 'a {brace} and "quotes"\n\ttwo lines', "response": "a {brace}"},
)
"""Records with a reference, as most tasks have them."""

UNUSUAL: tuple[tuple[Record, str], ...] = (
    ({"instruction": "Name the capital.", "context": "Peru", "response": "Lima"}, ""),
    ({"instruction": "Name the capital.", "context": "Peru", "response": "Lima"}, " \n\t "),
    ({"instruction": "Name the capital.", "context": "", "response": ""}, "Lima"),
    ({"instruction": "Say nothing.", "context": "", "response": ""}, ""),
    ({"instruction": "Name the capital.", "context": "Peru"}, "Lima"),
    ({"instruction": "Name the capital.", "context": "Peru", "response": "NaN"}, "NaN"),
    ({"instruction": "", "context": "\u200b🌧", "response": "\u0000"}, "inf \u0000 1e999"),
    ({"instruction": "Repeat it.", "context": "word", "response": "word"}, "word " * 2000),
)
"""Records with an answer, each of which an evaluator must score, or refuse with the reason."""

TEMPLATE = TextTemplate(prompt="{instruction}\n\n{context}", response_key="\n\n")


@attrs.frozen(kw_only=True)
class CheckInputs:
    """What a card is checked with. Everything has a default that suits most plugins.

    Attributes:
        options: The card's options; those without a default must be given.
        settings: The settings of its plugin.
        assets: The folders of the assets that `context.asset` finds, by name.
        records: What a trainer learns from, what a prompt renders, and what a deployer is asked.
        generations: What an evaluator scores; by default answers to `records`, some of them right.
        prompt: The template of the trainer and the deployer.
        model: The model that a trainer or deployer takes; by default that of a model card of the same plugin.
        file: The file that an importer reads.
        uri: The URI that a store opens.
        writes: Files and folders outside the context's folder that the options name, and that it may write.
        skip: The rules that are not checked, each with the reason.
        untried: Why the implementation cannot be tried here, such as an account that it needs: its options are checked then,
            and nothing else.
    """

    options: Mapping[str, Any] = attrs.field(factory=dict)
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    assets: Mapping[str, Path] = attrs.field(factory=dict)
    records: tuple[Record, ...] = RECORDS
    generations: tuple[Generation, ...] = ()
    prompt: PromptTemplate = TEMPLATE
    model: ServableModel | None = None
    file: Path | None = None
    uri: str = ""
    writes: tuple[Path, ...] = ()
    skip: Mapping[str, str] = attrs.field(factory=dict)
    untried: str = ""

    def answers(self) -> tuple[Generation, ...]:
        """Return the generations: those given, or answers to the records, every other one right."""
        if self.generations:
            return self.generations
        return tuple(
            _generation(index, record, str(record.get("response", "")) if index % 2 == 0 else f"It is {index}.")
            for index, record in enumerate(self.records)
        )

    def unusual_answers(self) -> tuple[Generation, ...]:
        """Return generations with empty and unusual texts; of generations that were given, their records with such answers."""
        if not self.generations:
            return tuple(_generation(index, record, output) for index, (record, output) in enumerate(UNUSUAL))
        return tuple(
            attrs.evolve(self.generations[index % len(self.generations)], index=index, answer=Answer(output))
            for index, (_, output) in enumerate(UNUSUAL)
        )


def _generation(index: int, record: Record, output: str) -> Generation:
    answer = Answer(
        output, prompt_tokens=8, output_tokens=max(1, len(output.split())), finish_reason="stop", latency=0.5
    )
    return Generation(index, record, prompt_only(TEMPLATE, record), answer)
