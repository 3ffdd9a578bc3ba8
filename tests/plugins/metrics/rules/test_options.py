"""Options that make no sense are refused when the pipeline is built, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.metrics.rules.options import (
    LanguageOptions,
    LengthOptions,
    MatchOptions,
    NumericOptions,
    RefusalOptions,
)
from llmops_sdk.plugin import Options


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            MatchOptions,
            {"metrics": ("exact",)},
            "no metric is called 'exact'; known: match_exact, match_contains, match_regex",
        ),
        (
            MatchOptions,
            {"metrics": ("match_regex",), "pattern": "(a"},
            "pattern is no regular expression: missing ), unterminated subpattern at position 0 of '(a'",
        ),
        (MatchOptions, {"extract": "a**"}, "extract is no regular expression: multiple repeat at position 2 of 'a**'"),
        (
            MatchOptions,
            {"metrics": ("match_regex",)},
            "match_regex needs one of pattern (the same for all records) and",
        ),
        (
            MatchOptions,
            {"metrics": ("match_regex",), "pattern": "a", "pattern_field": "b"},
            "match_regex needs one of pattern",
        ),
        (MatchOptions, {"pattern": "a"}, "pattern and pattern_field are read by match_regex only; add it to metrics"),
        (NumericOptions, {"absolute_tolerance": -0.1}, "'absolute_tolerance' must be >= 0: -0.1"),
        (NumericOptions, {"relative_tolerance": float("nan")}, "'relative_tolerance' must be >= 0: nan"),
        (NumericOptions, {"absolute_tolerance": float("inf")}, "'absolute_tolerance' must be < inf: inf"),
        (NumericOptions, {"decimal": ";"}, "decimal is one of ., ,, not ';'"),
        (NumericOptions, {"take": "middle"}, "take is one of last, first, only, not 'middle'"),
        (LengthOptions, {"minimum": 5, "maximum": 4}, "maximum (4) is below minimum (5): no answer can be right"),
        (LengthOptions, {"minimum": 0}, "give a maximum, or a minimum above 0: without either, every answer is right"),
        (LengthOptions, {"unit": "tokens"}, "unit is one of words, characters, lines, not 'tokens'"),
        (
            LanguageOptions,
            {},
            "give one of languages (the same for all records) and field (where each record has its own)",
        ),
        (
            LanguageOptions,
            {"languages": ("de",), "field": "lang"},
            "give one of languages (the same for all records) and field",
        ),
        (
            LanguageOptions,
            {"languages": ("german",)},
            "languages has codes of ISO 639 that py3langid knows, such as en, de or zh, not 'german'",
        ),
        (RefusalOptions, {"phrases": ("No.", " ")}, "phrases are texts at the start of an answer, none of them empty"),
    ],
)
def test_bad_options_are_refused(kind: type[Options], options: dict[str, Any], message: str) -> None:
    """The message has the option, what is wrong and, of a pattern, the place."""
    with pytest.raises(ValueError, match=r".") as error:
        kind(**options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
