"""`json-schema`: whether an answer is JSON that fits a schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from llmops_plugins.metrics.answers import AnswerEvaluator
from llmops_plugins.metrics.structured.json_text import read_json
from llmops_sdk.plugin import Context, Generation, Metric, Scored

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

    from llmops_plugins.metrics.structured.options import JsonSchemaOptions


class JsonSchema(AnswerEvaluator):
    """Scores 1 where the answer is JSON that the schema allows, else 0, with the first problem in the notes. It needs no reference."""

    options: JsonSchemaOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Whether the answer fits the schema, and whether it is JSON at all."""
        return (
            Metric("json_schema_valid", "Fits the JSON schema", bounds=(0.0, 1.0)),
            Metric("json_readable", "Is JSON", bounds=(0.0, 1.0)),
        )

    def score(self, generation: Generation) -> Scored:
        """Check one answer: its form is what is measured, so a wrong one has a score and is no failure."""
        from llmops_plugins.metrics.structured.schemas import problem_of

        is_json = False
        try:
            value = read_json(generation.output, self.options.place)
            is_json = True
            problem = problem_of(self._validator, value)
        except ValueError as exc:  # an answer that cannot be read, too
            problem = str(exc)
        scores = {"json_schema_valid": float(not problem), "json_readable": float(is_json)}
        return Scored(generation.index, scores, {"problem": problem} if problem else {})

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the version of jsonschema."""
        from importlib.metadata import version

        return {"jsonschema": version("jsonschema")}

    @cached_property
    def _validator(self) -> Validator:
        from llmops_plugins.metrics.structured.schemas import make_validator

        return make_validator(self.options.schema, check_formats=self.options.check_formats)
