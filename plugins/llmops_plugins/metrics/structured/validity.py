"""`json-validity`: whether an answer is valid JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import AnswerEvaluator, UnreadableAnswerError
from llmops_plugins.metrics.structured.json_text import read_json
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.structured.options import JsonValidityOptions

_TYPES = {"object": dict, "array": list}


class JsonValidity(AnswerEvaluator):
    """Scores 1 where the answer is valid JSON, else 0, with the reason in the notes. It needs no reference."""

    options: JsonValidityOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("json_valid", "Valid JSON", bounds=(0.0, 1.0)),)

    def score(self, generation: Generation) -> Scored:
        """Read one answer: its form is what is measured, so a wrong one has a score and is no failure."""
        problem = ""
        try:
            value = read_json(generation.output, self.options.place)
        except UnreadableAnswerError as exc:
            problem = str(exc)
        else:
            if self.options.kind != "any" and not isinstance(value, _TYPES[self.options.kind]):
                problem = f"the JSON is no {self.options.kind}"
        return Scored(generation.index, {"json_valid": float(not problem)}, {"problem": problem} if problem else {})
