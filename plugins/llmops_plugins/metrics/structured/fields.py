"""`json-fields`: precision, recall and F1 of the fields in an answer's JSON.

A field is a value that is no object and no list, with its path; an empty object or list below the top is one, too. Of the fields that are
in both, precision is the share among the output's and recall the share among the reference's; F1 is their harmonic mean.
This is the micro average within a record; the core takes the mean over the records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    accepted_values,
    shown,
)
from llmops_plugins.metrics.structured.json_text import parse_json, read_json
from llmops_plugins.metrics.structured.leaves import Comparison, Reading
from llmops_sdk.plugin import Generation, Metric, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.structured.options import JsonFieldsOptions

_LABELS = {
    "json_fields_f1": "F1 of JSON fields",
    "json_fields_precision": "Precision of JSON fields",
    "json_fields_recall": "Recall of JSON fields",
    "json_fields_exact": "All JSON fields right",
}


class JsonFields(AnswerEvaluator):
    """Compares the fields of the answer's JSON with those of the reference; an answer without an object or list is a failure."""

    options: JsonFieldsOptions

    def __init__(self, options: JsonFieldsOptions) -> None:
        super().__init__(options)
        self._reading = Reading(
            only=options.only,
            ignore_case=options.ignore_case,
            ignore_order=options.ignore_order,
            null_is_missing=options.null_is_missing,
        )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def score(self, generation: Generation) -> Scored:
        """Compare one answer with the accepted value of which its F1 is best; what differs is in the notes."""
        accepted = self._accepted(generation)
        value = read_json(generation.output, self.options.place)
        if not isinstance(value, (dict, list)):
            message = f"the JSON is no object and no list: {shown(generation.output)}"
            raise UnreadableAnswerError(message)
        output = self._reading.leaves(value)
        compared = [Comparison(output, self._reading.leaves(one)) for one in accepted]
        best = max(compared, key=lambda one: one.f1)
        values = {
            "json_fields_f1": best.f1,
            "json_fields_precision": best.precision,
            "json_fields_recall": best.recall,
            "json_fields_exact": float(best.output == best.reference),
        }
        scores = {name: values[name] for name in self.options.metrics}
        return Scored(generation.index, scores, {"differs": best.differences} if best.differences else {})

    def _accepted(self, generation: Generation) -> list[Any]:
        return [self._reference(each) for each in accepted_values(generation.record, self.options.field)]

    def _reference(self, value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = parse_json(value)
            except ValueError as exc:
                message = f"the reference field {self.options.field!r} is no JSON: {exc}"
                raise UnusableRecordError(message) from None
        if not isinstance(value, (dict, list)):
            message = f"the reference field {self.options.field!r} must be a JSON object, not {shown(value)}"
            raise UnusableRecordError(message)
        return value
