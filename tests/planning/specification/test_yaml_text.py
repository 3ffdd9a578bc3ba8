"""YAML as specifications use it."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.planning.specification.yaml_text import dump_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("2E5", 2e5),
        ("-.5", -0.5),
        ("1_000", 1000),
        ("0x1f", 31),
        ("010", 10),
        ("yes", True),
        ("NO", False),
        ("2024-01-01", "2024-01-01"),
        ("0000-00-00", "0000-00-00"),
        ("12:30", "12:30"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
        ('"\\ud83d\\ude00"', "😀"),
        ("", None),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("base: &b {k: 1}\nmore: {<<: *b, l: 2}", {"base": {"k": 1}, "more": {"k": 1, "l": 2}}),
    ],
)
def test_values_are_those_of_json(text: str, value: object) -> None:
    """Numbers are as YAML 1.2 has them; dates and times are text, and JSON's surrogate pairs one character."""
    assert value == parse_yaml(text, "f.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml, line 3: the key 'a' is given twice, first in line 1"),
        ("{a: 1, a: 1}", "f.yaml, line 1: the key 'a' is given twice, first in line 1"),
        ("a:\n  b: 1\n  'b': 2", "f.yaml, line 3: the key 'b' is given twice"),
        ("a: &a [*a]", "f.yaml, line 1: a value contains itself through an alias"),
        ("[" * 60 + "]" * 60, "nested too deep: more than 50 levels"),
        ("[" * 100_000, "nested too deep: more than 50 levels"),
        ("a: " + "9" * 5000, "f.yaml, line 1: the number '9999999999999999999999999999999999999999…' is too large"),
        ("9223372036854775808", "is too large"),
        ("1e999", "is not finite"),
        (".nan", "is not finite"),
        ('x: "\\ud83d"', "f.yaml, line 1: a text has half of a surrogate pair"),
        ('x: "\\0"', "a text has a NUL character"),
        ("a: 1\nb: \x07", "f.yaml, line 2: the character U+0007 may not stand in YAML"),
        ("a:\n\tb: 1", "indent with spaces, not with tabs"),
        ("a: b: c", "put a text with ': ' or brackets in quotes"),
        ("a: !!python/object:os.system x", "is not known: specifications have texts"),
        ("a: !!binary aGk=", "the tag '!!binary' is not known"),
        ("a: !!bool maybe", "is neither true nor false"),
        ("a: !!int x", "is no whole number"),
        ("a: !!str [1]", "does not fit the value"),
        ("? [a]\n: 1", "a key is a list or a mapping"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: *nowhere", "undefined alias"),
        ("a: [1, 2", "is not valid YAML"),
    ],
)
def test_what_is_no_such_text_is_one_line_with_its_place(text: str, message: str) -> None:
    """The message names the line."""
    with pytest.raises(SpecError) as raised:
        parse_yaml(text, "f.yaml")

    assert message in str(raised.value)
    assert 1 == len(str(raised.value).splitlines())


def test_aliases_that_expand_without_end_are_refused() -> None:
    """A few lines of aliases of aliases would fill the memory."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]

    with pytest.raises(SpecError, match="expand to more than 200,000 values"):
        parse_yaml("\n".join(lines), "f.yaml")


@pytest.mark.parametrize(
    "text", ["1e-4", "1_0", "no", "12:30", "2024-01-01", "0x1f", "0o7", ".inf", "=", "~", "a: b", "😀", "", "1"]
)
def test_texts_survive_a_round_trip(text: str) -> None:
    """What looks like a number, a date or a boolean is quoted."""
    assert {"text": text, "other": 1e-5} == parse_yaml(dump_yaml({"text": text, "other": 1e-5}), "f.yaml")
