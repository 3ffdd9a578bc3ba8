"""`llm-judge`: a language model gives reasons and a score by a rubric; its answers are kept in the notes."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, ClassVar

import attrs

from llmops_plugins.metrics.judge.agreement import self_agreement
from llmops_plugins.metrics.judge.client import Case, Judge, NotJudged
from llmops_plugins.metrics.judge.journal import Judgment, reported_models
from llmops_plugins.metrics.judge.prompt import judge_prompt, parse_score
from llmops_plugins.metrics.pairs import Unscorable, batches
from llmops_sdk.plugin import (
    Context,
    Evaluator,
    Generation,
    Metric,
    Pending,
    RecordScore,
    Scored,
    ScoredRecord,
    Summary,
    Unscored,
)

if TYPE_CHECKING:
    from llmops_plugins.metrics.judge.options import AskOptions, JudgeOptions

_NOTE = "judgment"
"""What the notes with judgments are called; with their order and number, where there are several."""

# Records per concurrent request: at the end of a batch, some of the requests have nothing to do.
_BATCH = 16


@attrs.frozen
class _Output:
    """An output before the judge.

    Attributes:
        index: The record's place in the test split.
        cases: The questions about it, one for each of the evaluator's orders.
    """

    index: int
    cases: tuple[Case, ...]


class ModelJudge(Evaluator):
    """Asks a language model about outputs.

    Its url and name do not pin it: another model may answer there tomorrow, under the same name. So it has no
    fingerprint; existing scores are kept until an option that affects results changes, and the provenance has the name
    that the server itself reported.
    """

    options: AskOptions

    ORDERS: ClassVar[tuple[str, ...]] = ("",)
    """The names of the questions about an output, for the notes."""

    @abstractmethod
    def questions(self, generation: Generation) -> tuple[str, ...] | Unscorable:
        """Return the questions about an output, one for each order, or why it cannot be asked about."""

    @abstractmethod
    def parse(self, answer: str) -> float | Unscorable:
        """Return the number in a judgment."""

    @abstractmethod
    def join(self, numbers: Sequence[float]) -> float:
        """Return the score of an output from the numbers of its questions."""

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Have every output judged; each answer is stored at once, and found again after a kill.

        Raises:
            EndpointError: The judge cannot be reached, or refuses everything.
            SpecError: It must not be asked here: the run is offline, or the key is missing.
        """
        with closing(Judge(self.options, context)) as judge:
            for batch in batches(generations, _BATCH * self.options.concurrency):
                yield from self._judged(judge, batch)
            judge.finish()

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return who judged: the url, the requested model, and the name that the server itself reported."""
        reported = ", ".join(reported_models(context.folder)) or "not reported by the server"
        requested = {"judge_model": self.options.model} if self.options.model else {}
        return {
            "judge_url": self.options.url,
            **requested,
            "judge_model_reported": reported,
            "judge_weights": "not pinned",
        }

    def numbers(self, score: RecordScore) -> list[tuple[float, ...]]:
        """Return the numbers of each repetition, from the judgments in the notes; incomplete ones are left out."""
        if not isinstance(score, Scored):
            return []
        repetitions = []
        for repeat in range(self.options.repeats):
            texts = [score.notes.get(self._note(order, repeat), "") for order in self.ORDERS]
            parsed = [number for number in map(self.parse, texts) if not isinstance(number, Unscorable)]
            if len(parsed) == len(self.ORDERS):
                repetitions.append(tuple(parsed))
        return repetitions

    def _note(self, order: str, repeat: int) -> str:
        return "_".join(filter(None, [_NOTE, order, str(repeat + 1) if self.options.repeats > 1 else ""]))

    def _judged(self, judge: Judge, batch: list[Generation]) -> Iterator[RecordScore]:
        """Yield the scores of a batch in order, each as soon as it and all before it are known."""
        waiting: deque[_Output | Unscored] = deque()
        for generation in batch:
            prompts = self.questions(generation)
            waiting.append(
                Unscored(generation.index, prompts.reason)
                if isinstance(prompts, Unscorable)
                else _Output(generation.index, tuple(Case(generation.index, prompt) for prompt in prompts))
            )
        cases = [case for output in waiting if isinstance(output, _Output) for case in output.cases]
        for repeat in range(self.options.repeats):
            for _ in judge.ask(cases, repeat):
                while waiting and self._is_done(waiting[0]):
                    yield self._score(waiting.popleft())
        yield from map(self._score, waiting)

    def _is_done(self, output: _Output | Unscored) -> bool:
        return isinstance(output, Unscored) or all(len(case.answers) == self.options.repeats for case in output.cases)

    def _score(self, output: _Output | Unscored) -> RecordScore:
        if isinstance(output, Unscored):
            return output
        scores: list[float] = []
        reasons: dict[str, None] = {}
        for repeat in range(self.options.repeats):
            parsed = [self._parse(case.answers[repeat]) for case in output.cases]
            numbers = [number for number in parsed if not isinstance(number, Unscorable)]
            if len(numbers) == len(parsed):
                scores.append(self.join(numbers))
            reasons |= dict.fromkeys(number.reason for number in parsed if isinstance(number, Unscorable))
        notes = self._notes(output.cases)
        if scores:
            return Scored(output.index, {self.options.metric: sum(scores) / len(scores)}, notes=notes)
        answers = [answer for case in output.cases for answer in case.answers.values()]
        if any(isinstance(answer, NotJudged) and answer.pending for answer in answers):
            return Pending(output.index, "; ".join(reasons))
        return Unscored(output.index, "; ".join(reasons), notes=notes)

    def _parse(self, answer: Judgment | NotJudged) -> float | Unscorable:
        if isinstance(answer, NotJudged):
            return Unscorable(answer.reason)
        if answer.finish_reason == "length":
            # Its last line may be half of a number.
            return Unscorable(f"the judgment was cut off at max_new_tokens ({self.options.max_new_tokens})")
        return self.parse(answer.text)

    def _notes(self, cases: Sequence[Case]) -> Mapping[str, str]:
        """Return the judge's answers; of several to one output, also the reasons for missing ones."""
        answers = {
            self._note(order, repeat): case.answers[repeat]
            for repeat in range(self.options.repeats)
            for order, case in zip(self.ORDERS, cases, strict=True)
        }
        if len(answers) == 1:
            return {name: answer.text for name, answer in answers.items() if isinstance(answer, Judgment)}
        return {
            name: answer.text if isinstance(answer, Judgment) else answer.reason for name, answer in answers.items()
        }


class LlmJudge(ModelJudge):
    """Has outputs graded by a language model."""

    options: JudgeOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The score."""
        options = self.options
        name = "Judge" if options.metric == "judge" else options.metric
        return (
            Metric(
                options.metric, f"{name} ({options.lowest}-{options.highest})", bounds=(options.lowest, options.highest)
            ),
        )

    def questions(self, generation: Generation) -> tuple[str, ...] | Unscorable:
        """One question: the score by the rubric."""
        prompt = judge_prompt(generation, self.options)
        return prompt if isinstance(prompt, Unscorable) else (prompt,)

    def parse(self, answer: str) -> float | Unscorable:
        """The score in the last line."""
        return parse_score(answer, lowest=self.options.lowest, highest=self.options.highest)

    def join(self, numbers: Sequence[float]) -> float:
        """The score itself."""
        return numbers[0]

    def summary(self, scored: Iterable[ScoredRecord]) -> Summary | None:
        """With repetitions, return the judge's agreement with itself."""
        if self.options.repeats == 1:
            return None
        return self_agreement([number for (number,) in self.numbers(one.score)] for one in scored)
