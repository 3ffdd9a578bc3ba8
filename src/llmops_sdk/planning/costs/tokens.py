"""The tokens that the questions to a cell are expected to take, and their answers: low and high."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from llmops_sdk.data.rendering import REFERENCE, prompt_only
from llmops_sdk.errors import LLMOpsError
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES
from llmops_sdk.values.data import Record
from llmops_sdk.values.plan import Cell, GenerateStep, Plan, ScoreStep
from llmops_sdk.values.prices import Price
from llmops_sdk.values.prompts import Prompt, TextPrompt
from llmops_sdk.values.retrieval import PASSAGES
from llmops_sdk.values.spending import Range

CHARACTERS_PER_TOKEN = Range(5.0, 3.0)
"""Of the low number of tokens, and of the high one."""

SHORTEST_ANSWER = 0.5
"""The length of the shortest answers, as a share of that of the references."""


@attrs.frozen
class Tokens:
    """The tokens of some questions.

    Attributes:
        questions: Their number.
        prompts: Tokens of the prompts.
        answers: Of the answers.
        references: Of the reference answers.
    """

    questions: int
    prompts: Range
    answers: Range
    references: Range

    def times(self, low: float, high: float) -> Tokens:
        """Return those of a part of the questions, or of several times as many: of the low end and of the high one."""
        return Tokens(
            round(self.questions * high),
            _scaled(self.prompts, low, high),
            _scaled(self.answers, low, high),
            _scaled(self.references, low, high),
        )


def asked_tokens(plan: Plan, cell: Cell, records: Sequence[Record] | None, share: Range) -> Tokens | None:
    """Return the tokens of the questions to a cell; None where its records are not known.

    Args:
        plan: The plan.
        cell: The cell.
        records: Its test records, or None.
        share: Which share of them is asked.
    """
    once, times = _asked_once(plan, cell, records), plan.times_asked(cell)
    return once and once.times(times * (share.low or 0.0), times * (share.high or 0.0))


def load_tokens(plan: Plan, cell: Cell, records: Sequence[Record] | None, requests: int) -> Tokens | None:
    """Return the tokens of the requests that measure an endpoint: the records of a cell, again and again.

    Args:
        plan: The plan.
        cell: The cell.
        records: Its test records, or None.
        requests: The number of requests.
    """
    once = _asked_once(plan, cell, records)
    if once is None or not once.questions:
        return None
    times = requests / once.questions
    return once.times(times, times)


def share_asked(plan: Plan, step: GenerateStep | ScoreStep) -> Range:
    """Return which share of the records a step asks: at a later look none, if all was decided before."""
    if not step.look:
        return Range(1.0, 1.0)
    shares = (0.0, *plan.looks)
    own = shares[step.look] - shares[step.look - 1]
    return Range(own if step.look == 1 else 0.0, own)


def tokens_of(characters: float) -> Range:
    """Return the tokens of a text of some length."""
    return Range(characters / (CHARACTERS_PER_TOKEN.low or 1.0), characters / (CHARACTERS_PER_TOKEN.high or 1.0))


def price_of_tokens(price: Price, prompts: Range, answers: Range) -> Range:
    """Return the price of tokens; an end is not known where one of its numbers is not."""

    def amount(prompt: float | None, output: float | None) -> float | None:
        return None if prompt is None or output is None else price.of_tokens(prompt, output)

    return Range(amount(prompts.low, answers.low), amount(prompts.high, answers.high))


def _asked_once(plan: Plan, cell: Cell, records: Sequence[Record] | None) -> Tokens | None:
    if records is None:
        return None
    prompt = plan.prompt_by_name[cell.prompt]
    try:
        characters = sum(_length(prompt_only(prompt.template, {PASSAGES: "", **record})) for record in records)
    except (LLMOpsError, *PLUGIN_FAILURES):
        return None  # the dataset's own check reports it
    references = tokens_of(sum(len(str(record.get(REFERENCE) or "")) for record in records))
    most = float(plan.generation.max_new_tokens * len(records))
    shortest = min(most, SHORTEST_ANSWER * (references.low or 0.0))
    prompts = tokens_of(characters)
    if prompt.retrieves:
        prompts = Range(prompts.low)  # what is retrieved comes on top
    return Tokens(len(records), prompts, Range(shortest, most), references)


def _scaled(each: Range, low: float, high: float) -> Range:
    return Range(
        None if each.low is None else each.low * low,
        None if each.high is None else each.high * high,
    )


def _length(prompt: Prompt) -> int:
    if isinstance(prompt, TextPrompt):
        return len(prompt.text)
    return sum(len(text) for message in prompt.messages for text in message.values())
