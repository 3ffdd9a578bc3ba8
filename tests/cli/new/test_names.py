"""The names of a new package."""

from __future__ import annotations

import pytest

from llmops_sdk.cli.new.names import check_name, package_names
from llmops_sdk.errors import UserError


def test_all_names_follow_from_one() -> None:
    """The card has hyphens, the module underscores, the class capitals."""
    names = package_names("tone_of_voice", ["evaluator"])

    assert "tone-of-voice" == names.card
    assert "tone_of_voice" == names.snake
    assert "llmops_tone_of_voice" == names.module
    assert "llmops-tone-of-voice" == names.distribution
    assert "ToneOfVoice" == names.cls
    assert "Tone of voice" == names.title


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Tone Of Voice", "lower-case words joined by hyphens, such as 'tone-of-voice', not 'Tone Of Voice'"),
        ("ToneOfVoice", "such as 'tone-of-voice', not 'ToneOfVoice'"),
        ("3d", "lower-case words joined by hyphens, such as 'd', not '3d'"),
        ("é", "lower-case words joined by hyphens, not 'é'"),
        ("a--b", "such as 'a-b', not 'a--b'"),
        ("", "not ''"),
        ("../up", "such as 'up', not '../up'"),
        ("class", "'class' is a word of Python, which a module cannot be called: add another word, such as 'my-class'"),
        ("match", "'match' is a word of Python"),
        ("x" * 31, "a name has at most 30 characters"),
    ],
)
def test_what_is_no_name_is_refused(text: str, message: str) -> None:
    """The message proposes a name where one is near."""
    with pytest.raises(UserError) as error:
        check_name(text)

    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "toxicity",
            "has the evaluator 'toxicity' already, which would be used: take another name, such as 'my-toxicity'",
        ),
        ("openai", "is called 'openai' already"),
        ("llmops-x", "leave out 'llmops-': the package of 'x' is called 'llmops-x'"),
    ],
)
def test_a_name_that_is_taken_is_refused(text: str, message: str) -> None:
    """A shipped card or plugin of the name would be used in place of the new one."""
    with pytest.raises(UserError) as error:
        package_names(text, ["evaluator"])

    assert message in str(error.value)
