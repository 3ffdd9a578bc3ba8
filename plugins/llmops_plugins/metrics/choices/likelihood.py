"""`choice-likelihood`: whether the model finds the right choice likelier than the others, as lm-eval scores multiple choice.

Source: Gao et al., "The Language Model Evaluation Harness" (`acc` and `acc_norm` of the output type `multiple_choice`). A
choice is scored by the log-probability of its text after the prompt, without the prompt's own; `acc_norm` divides it by the
number of the text's characters, without the delimiter. The first of equal choices counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import AnswerEvaluator, UnreadableAnswerError, UnusableRecordError
from llmops_plugins.metrics.choices.choices import choices_of, right_choice
from llmops_sdk.plugin import Answered, Context, Generation, Metric, Probe, Record, Scored, Unanswered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmops_plugins.metrics.choices.options import ChoiceLikelihoodOptions

_PROMPT = "prompt"
_LABELS = {"acc": "Likeliest choice is right", "acc_norm": "Likeliest choice per character is right"}


class ChoiceLikelihood(AnswerEvaluator):
    """Asks for the log-probability of the prompt alone, and with each choice after it.

    The prompt is a text template: a chat has no text of which a server returns the probability. What the model answers to
    the prompt itself does not count.
    """

    options: ChoiceLikelihoodOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the prompt alone, which only `acc_norm` needs, and with each choice; none where the record cannot be used."""
        del context
        try:
            choices = choices_of(record, self.options.choices)
            right_choice(record, self.options.field, choices)
        except UnusableRecordError:
            return
        if "acc_norm" in self.options.metrics:
            yield Probe(_PROMPT, record=record, log_probability=True)
        for place, text in enumerate(choices.texts):
            continuation = f"{self.options.delimiter}{text}"
            yield Probe(f"choice {place}", record=record, continuation=continuation, log_probability=True)

    def score(self, generation: Generation) -> Scored:
        """Compare the choices of one record; the likeliest ones are in the notes."""
        choices = choices_of(generation.record, self.options.choices)
        right = right_choice(generation.record, self.options.field, choices)
        values = [self._log_probability(generation, f"choice {place}") for place in range(len(choices.texts))]
        chosen = {"acc": _largest(values)}
        if "acc_norm" in self.options.metrics:
            prompt = self._log_probability(generation, _PROMPT)
            lengths = map(len, choices.texts)
            chosen["acc_norm"] = _largest(
                [(value - prompt) / length for value, length in zip(values, lengths, strict=True)]
            )
        scores = {name: float(chosen[name] == right) for name in self.options.metrics}
        return Scored(generation.index, scores, {name: choices.labels[chosen[name]] for name in self.options.metrics})

    def _log_probability(self, generation: Generation, name: str) -> float:
        outcome = generation.probes.get(name)
        if isinstance(outcome, Answered):
            value = outcome.answer.log_probability
            if value is not None and math.isfinite(value) and value <= 0:
                return value
            message = f"probe {name!r} has {value}, which is not the logarithm of a probability"
            raise UnusableRecordError(message)
        message = f"probe {name!r} was not answered: {outcome.error if outcome else 'it was not asked'}"
        if isinstance(outcome, Unanswered) and not outcome.is_missing:
            raise UnreadableAnswerError(message)
        raise UnusableRecordError(message)


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)
