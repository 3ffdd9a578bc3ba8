"""The options of the metrics that compare an answer by a rule. Nothing heavy is imported here."""

from __future__ import annotations

import re
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.metrics.validators import is_pattern, one_of, some_of
from llmops_sdk.plugin import Options, option

MATCH_METRICS = ("match_exact", "match_contains", "match_regex")
LENGTH_UNITS = ("words", "characters", "lines")


@attrs.frozen(kw_only=True)
class MatchOptions(Options):
    """How a text is compared with the accepted ones, or with a pattern."""

    metrics: tuple[str, ...] = option(
        ("match_exact", "match_contains"),
        help=f"which of {', '.join(MATCH_METRICS)}; the first one decides",
        validator=some_of(MATCH_METRICS),
    )
    field: str = option(
        "response",
        help="the record's field with the accepted answer, or a list of them",
        validator=validators.min_len(1),
    )
    ignore_case: bool = option(False, help="whether upper and lower case are the same")
    ignore_punctuation: bool = option(False, help="whether punctuation is left out of both texts; not for match_regex")
    whole_words: bool = option(True, help="whether match_contains finds whole words only ('men' is not in 'women')")
    require_all: bool = option(False, help="whether match_contains asks for all accepted answers, not for one of them")
    pattern: str = option("", help="the regular expression that match_regex searches for", validator=is_pattern)
    pattern_field: str = option("", help="instead of pattern: the record's field with the regular expression")
    extract: str = option(
        "",
        help="a regular expression that finds the answer in the output: its last match, or that match's first group, is "
        "compared; an output without a match is a failure",
        validator=is_pattern,
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a pattern that is missing, given twice, or not used."""
        if "match_regex" in self.metrics and bool(self.pattern) == bool(self.pattern_field):
            message = "match_regex needs one of pattern (the same for all records) and pattern_field (one of each record's own)"
            raise ValueError(message)
        if "match_regex" not in self.metrics and (self.pattern or self.pattern_field):
            message = "pattern and pattern_field are read by match_regex only; add it to metrics"
            raise ValueError(message)

    @property
    def flags(self) -> re.RegexFlag:
        """The flags of the regular expressions."""
        return re.IGNORECASE if self.ignore_case else re.RegexFlag(0)


@attrs.frozen(kw_only=True)
class NumericOptions(Options):
    """Which number of an answer counts, and how near it must be."""

    field: str = option(
        "response",
        help="the record's field with the right number, or a list of accepted ones: numbers, or texts with one number each",
        validator=validators.min_len(1),
    )
    absolute_tolerance: float = option(
        0.0,
        help="how far the answer may be from the right number",
        validator=(validators.ge(0), validators.lt(float("inf"))),
    )
    relative_tolerance: float = option(
        0.0,
        help="the same as a share of the right number; the larger one of the two counts",
        validator=(validators.ge(0), validators.lt(float("inf"))),
    )
    take: str = option(
        "last",
        help="which number of an answer with several counts: last, first, or only (several are a failure)",
        validator=one_of(("last", "first", "only")),
    )
    decimal: str = option(
        ".",
        help="the decimal separator: '.', where commas group thousands (1,234.5), or ',', where points do (1.234,5)",
        validator=one_of((".", ",")),
    )
    percent: str = option(
        "ignore",
        help="what a percent sign does: ignore (12% is 12, as is 12), or divide (12% is 0.12)",
        validator=one_of(("ignore", "divide")),
    )


@attrs.frozen(kw_only=True)
class LengthOptions(Options):
    """How long an answer may be."""

    unit: str = option(
        "words", help=f"what is counted: one of {', '.join(LENGTH_UNITS)}", validator=one_of(LENGTH_UNITS)
    )
    minimum: int = option(1, help="the shortest length that is right", validator=validators.ge(0))
    maximum: int | None = option(
        None, help="the longest length that is right; none without it", validator=validators.optional(validators.ge(1))
    )

    def __attrs_post_init__(self) -> None:
        """Refuse limits that no answer can meet, or that every one meets."""
        if self.maximum is not None and self.maximum < self.minimum:
            message = f"maximum ({self.maximum}) is below minimum ({self.minimum}): no answer can be right"
            raise ValueError(message)
        if self.maximum is None and self.minimum == 0:
            message = "give a maximum, or a minimum above 0: without either, every answer is right"
            raise ValueError(message)


LANGUAGES = frozenset({
    "ace", "af", "am", "an", "ar", "ary", "arz", "as", "az", "ba", "bcl", "be", "bg", "bn", "br", "bs", "ca",  # codespell:ignore
    "crh", "cs", "cy", "da", "de", "dz", "el", "en", "eo", "es", "et", "eu", "ext", "fa", "fi", "fo", "fr", "fuv",  # codespell:ignore
    "fy", "ga", "gcf", "gcr", "gd", "gl", "gom", "grc", "gu", "gug", "guw", "ha", "hbo", "he", "hi", "hr", "ht",  # codespell:ignore
    "hu", "hy", "id", "ig", "is", "it", "ja", "jv", "ka", "kab", "kik", "kk", "km", "kn", "ko", "ku", "ky", "la",  # codespell:ignore
    "lb", "lg", "lij", "ln", "lo", "lt", "ltg", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl",  # codespell:ignore
    "nn", "no", "nso", "oc", "om", "or", "pa", "pcm", "pl", "ps", "pt", "qu", "ro", "ru", "rw", "sa", "sdh", "se",  # codespell:ignore
    "si", "sk", "sl", "sn", "so", "sq", "sr", "st", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt",  # codespell:ignore
    "ug", "uk", "ur", "uz", "uzs", "vec", "vi", "vo", "wa", "wuu", "xh", "yo", "yue", "zh", "zu",  # codespell:ignore
})  # fmt: skip
"""The languages that py3langid 0.4 knows, by their codes of ISO 639."""


def _languages(_options: object, attribute: Any, value: tuple[str, ...]) -> None:
    for code in value:
        if code not in LANGUAGES:
            message = f"{attribute.name} has codes of ISO 639 that py3langid knows, such as en, de or zh, not {code!r}"
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class LanguageOptions(Options):
    """In which language answers should be."""

    languages: tuple[str, ...] = option(
        (), help="the languages that are right, by their codes of ISO 639: [de], or [no, nn]", validator=_languages
    )
    field: str = option("", help="instead of languages: the record's field with the code of its language")
    minimum_letters: int = option(
        20,
        help="an answer with fewer letters is left out, since its language cannot be known; those of scripts such as Chinese, "
        "Japanese, Korean and Thai count three times",
        validator=validators.ge(1),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse no language, and two places to look for it."""
        if bool(self.languages) == bool(self.field):
            message = "give one of languages (the same for all records) and field (where each record has its own)"
            raise ValueError(message)


def _phrases(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
    if any(not phrase.strip() for phrase in value):
        message = "phrases are texts at the start of an answer, none of them empty"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class RefusalOptions(Options):
    """Which answers are refusals, and whether they are wanted."""

    phrases: tuple[str, ...] = option(
        (), help="more phrases at the start of an answer that make it a refusal", validator=_phrases
    )
    should_refuse: bool = option(
        False, help="whether the records are such that a model should refuse; a refusal is then the better score"
    )
