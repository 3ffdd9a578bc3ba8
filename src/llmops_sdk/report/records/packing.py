"""One record as JSON for the page's script: fields and prompts once, then each candidate's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import IntFlag
from typing import Any

import attrs

from llmops_sdk.report.numbers import finite
from llmops_sdk.report.records.streams import Row
from llmops_sdk.values.answers import Answer, Answered, NotAsked, Outcome
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.results import CellResult, FailedCell
from llmops_sdk.values.retrieval import Example, Passage
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import Metric

MOST_CHARACTERS = 20_000
"""Characters of one text that a report holds; the page marks a text that was cut."""


_FIRST_FIELDS = ("instruction", "context", "response")


class Mark(IntFlag):
    """What the page can filter by; the script reads the same numbers."""

    FAILED = 1
    UNSCORED = 2
    AT_LIMIT = 4
    WITHOUT = 8


_FAILED, _UNSCORED, _AT_LIMIT = int(Mark.FAILED), int(Mark.UNSCORED), int(Mark.AT_LIMIT)


@attrs.frozen
class Column:
    """The answers of one candidate: of a recipe, those of all its checkpoints.

    Attributes:
        parts: Its cells.
        prompt: The name of the prompt that it was asked with.
    """

    parts: tuple[CellResult | FailedCell, ...]
    prompt: str


@attrs.frozen
class AnswerNumbers:
    """What the page sorts and filters by, of one record and one candidate.

    Attributes:
        scores: The mean over its answers, in the order of the metrics; None where there is none.
        marks: The sum of its `Mark`s.
        characters: Of the longest answer, or None.
        tokens: Output tokens of the longest answer, or None.
        latency: Seconds of the slowest answer, or None.
    """

    scores: tuple[float | None, ...]
    marks: int
    characters: int | None = None
    tokens: int | None = None
    latency: float | None = None


@attrs.frozen
class PackedRecord:
    """One record, packed.

    Attributes:
        texts: Its fields, prompts and answers, as JSON.
        numbers: In the order of the columns.
    """

    texts: dict[str, Any]
    numbers: tuple[AnswerNumbers, ...]


@attrs.define
class Forms:
    """The forms of prompts: a prompt's text with a reference in place of each field of its record.

    A prompt repeats most of its record, and most prompts of a run have the same form: the page has each text once.

    Attributes:
        places: Each form, as JSON, to its place.
    """

    places: dict[str, int] = attrs.field(factory=dict)

    @property
    def json(self) -> str:
        """The forms in the order of their places, as JSON: each a list of texts, and names of fields in brackets."""
        return f"[{','.join(self.places)}]"

    def pack(self, text: str, fields: Mapping[str, Any]) -> Any:
        """Return the place of a text's form, as `{form: place}`, or the text where it repeats no field.

        Args:
            text: The text of a prompt.
            fields: The record's fields.
        """
        if len(text) > MOST_CHARACTERS:
            return cut(text)
        parts: list[Any] = [text]
        texts = {name: value for name, value in fields.items() if isinstance(value, str) and value.strip()}
        for name, value in sorted(texts.items(), key=lambda pair: -len(pair[1])):
            if len(value) <= MOST_CHARACTERS:
                parts = [piece for part in parts for piece in _split(part, value, name)]
        if parts == [text]:
            return text
        form = json.dumps(parts, ensure_ascii=False)
        return {"form": self.places.setdefault(form, len(self.places))}


def pack_record(row: Row, columns: Sequence[Column], metrics: Sequence[Metric], forms: Forms) -> PackedRecord:
    """Return one record.

    Args:
        row: The record, with the samples of all cells.
        columns: In the order of the answers.
        metrics: In the order of the scores.
        forms: The forms of prompts; new ones are added.
    """
    record = row.first.record
    prompts: dict[str, Prompt] = {}
    packed: dict[str, Any] = {}
    answers: list[Any] = []
    numbers: list[AnswerNumbers] = []
    for column in columns:
        samples = [
            (part.seed, sample)
            for part in column.parts
            for sample in row.samples.get(part.cell, ())
            if not isinstance(sample.outcome, NotAsked)
        ]
        numbers.append(_numbers([sample for _, sample in samples], metrics))
        if not samples:
            answers.append(None)
            continue
        prompt = samples[0][1].prompt
        if column.prompt not in prompts:
            prompts[column.prompt] = prompt
            packed[column.prompt] = _prompt(prompt, record, forms)
        is_same = _is_same(prompts[column.prompt], prompt)
        own = {} if is_same else {"prompt": _prompt(prompt, record, forms)}
        has_repeats = len(samples) > 1
        reply, *repeats = (
            {
                **_pack_answer(sample),
                **({"scores": _scores(sample, metrics)} if has_repeats else {}),
                **({} if seed is None else {"seed": seed}),
            }
            for seed, sample in samples
        )
        answers.append({**reply, **own, **({"repeats": repeats} if repeats else {})})
    first = [name for name in _FIRST_FIELDS if name in record]
    names = [*first, *(name for name in record if name not in first)]
    fields = [[name, cut(record[name])] for name in names]
    return PackedRecord({"fields": fields, "prompts": packed, "answers": answers}, tuple(numbers))


def cut(value: Any) -> Any:
    """Return a text, or what the page shows of one that is too long: `{cut: its start, of: its length}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else {"cut": text[:MOST_CHARACTERS], "of": len(text)}


def _split(part: Any, value: str, name: str) -> Iterator[Any]:
    """Yield a part of a prompt with the name of a field, in brackets, in place of the field's text."""
    if not isinstance(part, str):
        yield part
        return
    for place, piece in enumerate(part.split(value)):
        if place:
            yield [name]
        if piece:
            yield piece


def _numbers(samples: Sequence[Sample], metrics: Sequence[Metric]) -> AnswerNumbers:
    if not samples:
        return AnswerNumbers((None,) * len(metrics), int(Mark.WITHOUT))
    answers = [answer for sample in samples if (answer := sample.answer) is not None]
    is_failed = len(answers) < len(samples)
    is_unscored = any(sample.score_errors or sample.pending_scores for sample in samples)
    is_at_limit = any(answer.finish_reason == "length" for answer in answers)
    return AnswerNumbers(
        scores=tuple(_mean([sample.scores.get(metric.name) for sample in samples]) for metric in metrics),
        marks=_FAILED * is_failed + _UNSCORED * is_unscored + _AT_LIMIT * is_at_limit,
        characters=max((len(answer.output) for answer in answers), default=None),
        tokens=max((answer.output_tokens for answer in answers if answer.output_tokens is not None), default=None),
        latency=max((value for answer in answers if (value := finite(answer.latency)) is not None), default=None),
    )


def _mean(scores: Sequence[float | None]) -> float | None:
    """Return the mean of the scores that there are; the same scores in another order have the same mean."""
    if len(scores) == 1:
        return finite(scores[0])
    present = sorted(score for score in map(finite, scores) if score is not None)
    return finite(sum(present) / len(present)) if present else None


def _scores(sample: Sample, metrics: Sequence[Metric]) -> list[float | None]:
    return [finite(sample.scores.get(metric.name)) for metric in metrics]


def _pack_answer(sample: Sample) -> dict[str, Any]:
    answer = sample.answer or Answer()
    pending = {evaluator: f"pending: {error}" for evaluator, error in sample.pending_scores.items()}
    packed = {
        "output": None if sample.answer is None else cut(answer.output),
        "error": cut(sample.error),
        "latency": None if sample.answer is None else finite(answer.latency),
        "tokens": [answer.prompt_tokens, answer.output_tokens],
        "finish": answer.finish_reason,
        "textless": True if answer.scores and not answer.output else None,  # its scores came without a text
        "unscored": {evaluator: cut(text) for evaluator, text in {**sample.score_errors, **pending}.items()},
        "notes": _notes(sample),
        "retrieved": _retrieved(sample),
    }
    return {
        name: value
        for name, value in packed.items()
        if name == "output" or value not in ("", None, {}, [], [None, None])
    }


def _retrieved(sample: Sample) -> list[list[Any]]:
    """Return what the prompt added to the record, each with a title: passages, and examples."""
    if sample.retrieved is None:
        return []
    return [
        *([_passage_title(each), cut(each.text)] for each in sample.retrieved.passages),
        *([_example_title(each), cut(_example_text(each.record))] for each in sample.retrieved.examples),
    ]


def _passage_title(passage: Passage) -> str:
    shortened = f", cut: {len(passage.text.split())} of {passage.of_words} words" if passage.of_words else ""
    title = f": {passage.title}" if passage.title else ""
    return f"passage {passage.id}{title} (score {passage.score:.3g}{shortened})"


def _example_title(example: Example) -> str:
    score = "" if example.score is None else f" (score {example.score:.3g})"
    return f"example: train record {example.place}{score}"


def _example_text(record: Mapping[str, Any]) -> str:
    texts = (record.get(name) for name in _FIRST_FIELDS)
    return "\n\n".join(text for text in texts if isinstance(text, str) and text.strip())


def _notes(sample: Sample) -> list[list[Any]]:
    """Return what is kept beside an answer, each with a title: reasoning, evaluators' notes, and what became of their probes."""
    reasoning = sample.answer.reasoning if sample.answer else ""
    notes = [["reasoning", cut(reasoning)]] if reasoning else []
    notes += [
        [f"{evaluator}: {name}", cut(text)] for evaluator, texts in sample.notes.items() for name, text in texts.items()
    ]
    probes = [
        [f"{evaluator}: probe {probe.name}", cut("\n".join(_probe_lines(probe)))]
        for evaluator, asked in sample.probes.items()
        for probe in asked
    ]
    return notes + probes


def _probe_lines(probe: ProbeSample) -> Iterator[str]:
    yield f"asked: {_prompt_text(probe.prompt)}"
    yield _outcome_line(probe.outcome)


def _outcome_line(outcome: Outcome) -> str:
    if not isinstance(outcome, Answered):
        return f"failed: {outcome.error}"
    if outcome.answer.log_probability is not None:
        return f"log-probability: {outcome.answer.log_probability:.4f}"
    return f"answered: {outcome.answer.output}"


def _prompt_text(prompt: Prompt) -> str:
    if isinstance(prompt, TextPrompt):
        return prompt.text
    return json.dumps([dict(message) for message in prompt.messages], ensure_ascii=False)


def _is_same(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts ask the same."""
    if isinstance(one, TextPrompt) and isinstance(other, TextPrompt):
        return one.text == other.text
    if isinstance(one, TextPrompt) or isinstance(other, TextPrompt):
        return False
    return one.messages == other.messages


def _prompt(prompt: Prompt, record: Mapping[str, Any], forms: Forms) -> Any:
    if isinstance(prompt, TextPrompt):
        return forms.pack(prompt.text, record)
    return [[message.get("role", ""), forms.pack(message.get("content", ""), record)] for message in prompt.messages]
