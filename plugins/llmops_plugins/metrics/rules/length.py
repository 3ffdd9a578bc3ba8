"""`length`: whether an answer has the length that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import AnswerEvaluator
from llmops_plugins.metrics.text.tokens import words
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.rules.options import LengthOptions


class Length(AnswerEvaluator):
    """Counts words, characters or lines; no answer is a failure here, since an empty one has a length, too."""

    options: LengthOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Whether the length is within the limits, and the length itself, of which no end is the better one."""
        unit = self.options.unit
        return (
            Metric("length_within_limits", f"Has {self._limits()} {unit}", bounds=(0.0, 1.0)),
            Metric("length", f"Length in {unit}", higher_is_better=None),
        )

    def score(self, generation: Generation) -> Scored:
        """Count one answer."""
        length = length_of(generation.output, self.options.unit)
        is_within = self.options.minimum <= length and (self.options.maximum is None or length <= self.options.maximum)
        return Scored(generation.index, {"length_within_limits": float(is_within), "length": float(length)})

    def _limits(self) -> str:
        if self.options.maximum is None:
            return f"{self.options.minimum} or more"
        return f"{self.options.minimum} to {self.options.maximum}"


def length_of(text: str, unit: str) -> int:
    r"""Return the length of a text without the white space around it.

    Words are those of `text-metrics`: without punctuation, and Chinese and Japanese by the letter. Lines are those with
    text. Characters are Unicode's code points, composed or not as the model wrote them.

    >>> [length_of(" It's one,\n\n two. ", unit) for unit in ("words", "characters", "lines")]
    [3, 16, 2]
    """
    if unit == "words":
        return len(words(text))
    if unit == "characters":
        return len(text.strip())
    return sum(bool(line.strip()) for line in text.splitlines())
