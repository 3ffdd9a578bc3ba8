"""`language`: whether an answer is in the right language.

py3langid (Barbaresi, BSD licence; a fork of langid.py, Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language
Identification Tool") is a naive Bayes classifier over byte n-grams in a file of 4.6 MB that its package ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    reference_values,
    shown,
)
from llmops_plugins.metrics.rules.options import LANGUAGES
from llmops_sdk.plugin import Context, Generation, Metric, Scored

if TYPE_CHECKING:
    from llmops_plugins.metrics.rules.options import LanguageOptions

# From Thai on, a letter carries more than one of an alphabet.
_DENSE, _WEIGHT = "\u0e00", 3


class Language(AnswerEvaluator):
    """Scores 1 where the likeliest language of an answer is a right one, else 0.

    An empty answer is a failure; one that is too short to be identified is left out.
    """

    options: LanguageOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("language_match", "Right language", bounds=(0.0, 1.0)),)

    def score(self, generation: Generation) -> Scored:
        """Identify the language of one answer; it is in the notes with its probability."""
        right = self._right(generation)
        if not generation.output.strip():
            message = "the answer is empty"
            raise UnreadableAnswerError(message)
        if weight_of(generation.output) < self.options.minimum_letters:
            message = f"the answer has fewer than {self.options.minimum_letters} letters, too few to know its language"
            raise UnusableRecordError(message)
        code, probability = _identifier().classify(generation.output)
        notes = {"language": str(code), "probability": f"{float(probability):.3f}"}
        return Scored(generation.index, {"language_match": float(code in right)}, notes)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the version of py3langid, which brings the model."""
        from importlib.metadata import version

        return {"py3langid": version("py3langid")}

    def _right(self, generation: Generation) -> tuple[str, ...]:
        if self.options.languages:
            return self.options.languages
        code = reference_values(generation.record, self.options.field)
        if not isinstance(code, str) or code not in LANGUAGES:
            message = (
                f"the field {self.options.field!r} must be a code of ISO 639 that py3langid knows, not {shown(code)}"
            )
            raise UnusableRecordError(message)
        return (code,)


@cache  # a second or more to load
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def weight_of(text: str) -> int:
    """Return the number of letters of a text; those of dense scripts count three times.

    >>> weight_of("Hi, 42!"), weight_of("天气好")
    (2, 9)
    """
    return sum(_WEIGHT if letter >= _DENSE else 1 for letter in text if letter.isalpha())
