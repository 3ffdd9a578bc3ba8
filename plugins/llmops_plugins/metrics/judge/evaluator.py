"""`llm-judge`: a language model gives reasons and a score by a rubric; its answers are kept in the notes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from llmops_plugins.metrics.judge.client import Case, Judge, NotJudged
from llmops_plugins.metrics.judge.journal import Judgment, reported_models
from llmops_plugins.metrics.judge.prompt import judge_prompt, parse_score
from llmops_plugins.metrics.pairs import Unscorable, batches
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, Pending, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.judge.options import JudgeOptions

# Records per concurrent request: at the end of a batch, some of the requests have nothing to do.
_BATCH = 16


class LlmJudge(Evaluator):
    """Has outputs graded by a language model.

    Its url and name do not pin it: another model may answer there tomorrow, under the same name. So it has no
    fingerprint; existing scores are kept until an option that affects results changes, and the provenance has the name
    that the server itself reported.
    """

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

    def _judged(self, judge: Judge, batch: list[Generation]) -> Iterator[RecordScore]:
        """Yield the scores of a batch in order, each as soon as it and all before it are known."""
        waiting: deque[Case | Unscored] = deque()
        for generation in batch:
            prompt = judge_prompt(generation, self.options)
            waiting.append(
                Unscored(generation.index, prompt.reason)
                if isinstance(prompt, Unscorable)
                else Case(generation.index, prompt)
            )
        cases = [case for case in waiting if isinstance(case, Case)]
        for repeat in range(self.options.repeats):
            for _ in judge.ask(cases, repeat):
                while waiting and self._is_done(waiting[0]):
                    yield self._score(waiting.popleft())
        yield from map(self._score, waiting)

    def _is_done(self, case: Case | Unscored) -> bool:
        return isinstance(case, Unscored) or len(case.answers) == self.options.repeats

    def _score(self, case: Case | Unscored) -> RecordScore:
        if isinstance(case, Unscored):
            return case
        answers = [case.answers[repeat] for repeat in range(self.options.repeats)]
        parsed = [self._parse(answer) for answer in answers]
        scores = [score for score in parsed if not isinstance(score, Unscorable)]
        notes = _notes(answers)
        if scores:
            return Scored(case.index, {self.options.metric: sum(scores) / len(scores)}, notes=notes)
        reasons = "; ".join(dict.fromkeys(score.reason for score in parsed if isinstance(score, Unscorable)))
        if any(isinstance(answer, NotJudged) and answer.pending for answer in answers):
            return Pending(case.index, reasons)
        return Unscored(case.index, reasons, notes=notes)

    def _parse(self, answer: Judgment | NotJudged) -> float | Unscorable:
        if isinstance(answer, NotJudged):
            return Unscorable(answer.reason)
        if answer.finish_reason == "length":
            # Its last line may be half of a number.
            return Unscorable(f"the judgment was cut off at max_new_tokens ({self.options.max_new_tokens})")
        return parse_score(answer.text, lowest=self.options.lowest, highest=self.options.highest)


def _notes(answers: Sequence[Judgment | NotJudged]) -> Mapping[str, str]:
    """Return the judge's answers; with repetitions, also the reasons for missing ones."""
    if len(answers) == 1:
        return {"judgment": answers[0].text} if isinstance(answers[0], Judgment) else {}
    return {
        f"judgment_{number}": answer.text if isinstance(answer, Judgment) else answer.reason
        for number, answer in enumerate(answers, start=1)
    }
