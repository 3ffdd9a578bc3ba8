"""`pairwise-judge`: a language model names the better of two texts, the output and another one, in both orders.

Models prefer the text in one of the places (Zheng et al., "Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena", 2023): an
answer that flips with the order is a tie.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from llmops_plugins.metrics.judge.agreement import self_agreement
from llmops_plugins.metrics.judge.evaluator import ModelJudge
from llmops_plugins.metrics.judge.prompt import fill_prompt, last_line, text_of
from llmops_plugins.metrics.pairs import Unscorable
from llmops_sdk.plugin import Generation, Metric, ScoredRecord, Summary, SummaryValue

if TYPE_CHECKING:
    from llmops_plugins.metrics.judge.options import PairwiseOptions

_CLOSING = """
First give your reasons in a few sentences. Then write the number of the better text alone on the last line, or 0 if neither is \
better, in this form:
Better: N
"""

_BETTER = re.compile(r"better(?:\s+text)?\s*[:=\uff1a]\s*(?:text\s+)?([012])\s*\.?", re.IGNORECASE)
_CHOICES = {"1": 1.0, "2": -1.0, "0": 0.0}


class PairwiseJudge(ModelJudge):
    """Has outputs compared with another text by a language model: 1 for a win, .5 for a tie, 0 for a loss."""

    options: PairwiseOptions

    ORDERS: ClassVar[tuple[str, ...]] = ("output_first", "output_second")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The share of wins, a tie being half of one."""
        options = self.options
        name = f"Wins against {options.versus}" if options.metric == "wins" else options.metric
        return (Metric(options.metric, name, bounds=(0.0, 1.0)),)

    def questions(self, generation: Generation) -> tuple[str, ...] | Unscorable:
        """Two questions, with the output as the first and as the second text."""
        other = text_of(generation.record, self.options.versus)
        if isinstance(other, Unscorable):
            return other
        output, prompts = generation.output, []
        for first, second in ((output, other), (other, output)):
            prompt = fill_prompt(self.options, generation.record, {"first": first, "second": second}, _CLOSING)
            if isinstance(prompt, Unscorable):
                return prompt
            prompts.append(prompt)
        return tuple(prompts)

    def parse(self, answer: str) -> float | Unscorable:
        """Return 1 if the first text is the better one, -1 if the second is, 0 if neither."""
        return parse_choice(answer)

    def join(self, numbers: Sequence[float]) -> float:
        """Return 1 or 0 where both orders name the same text, else .5."""
        output_first, output_second = numbers
        return (1 + output_first) / 2 if output_first == -output_second else 0.5

    def summary(self, scored: Iterable[ScoredRecord]) -> Summary | None:
        """Return how often the judge's answer flips with the order; with repetitions, also its agreement with itself."""
        outputs = [numbers for one in scored if (numbers := self.numbers(one.score))]
        if not outputs:
            return None
        flips = [first == second != 0 for numbers in outputs for first, second in numbers]
        values = (SummaryValue("flipped", "Answers that flip with the order", sum(flips) / len(flips)),)
        agreement = self_agreement([self.join(each) for each in numbers] for numbers in outputs)
        return Summary(values + (agreement.values if agreement else ()))


def parse_choice(answer: str) -> float | Unscorable:
    r"""Read which text is better from the last line of a judgment: `Better: 2`.

    >>> parse_choice("The second one is complete.\n**Better:** 2")
    -1.0
    >>> parse_choice("Better: both")
    Unscorable(reason="the judge's last line does not name a text: 'Better: both'")
    """
    line, shown = last_line(answer)
    if not line:
        return Unscorable("the judge answered nothing")
    match = _BETTER.fullmatch(line)
    return _CHOICES[match[1]] if match else Unscorable(f"the judge's last line does not name a text: {shown!r}")
