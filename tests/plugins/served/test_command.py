"""Commands and their placeholders."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.served.command import check_placeholders, fill, placeholders, split_command


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("serve {model} --port {prot}", r"there is no placeholder \{prot\}; did you mean 'port'"),
        (["serve", "{weights}", "{port}"], r"there is no placeholder \{weights\}"),
        ("serve {model} --port 8000", r"'serve \{model\} --port 8000' needs \{port\}"),
        ("serve 'half {port}", "cannot be split into words: No closing quotation"),
        ("", r"needs \{port\}"),
        ([], r"needs \{port\}"),
        (["serve", 8000], "the command is a text or a list of texts"),
        (8000, "the command is a text or a list of texts, not 8000"),
    ],
)
def test_a_wrong_command_is_refused(command: Any, message: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(ValueError, match=message):
        split_command(command)


def test_a_list_is_not_split_further() -> None:
    """A path with a space stays one word; a text needs quotes."""
    words = ("/my programs/serve", "--port={port}")
    assert words == split_command(list(words))
    assert words == split_command("'/my programs/serve' --port={port}")


def test_json_in_an_argument_has_no_placeholders() -> None:
    """Only a name in braces is one; values that look like placeholders stay."""
    words = split_command(["serve", "{port}", '{"temperature": 0, "n": {}}', "{model}"])
    assert {"port", "model"} == placeholders(words)
    filled = fill(words, {"port": "8000", "model": "/a/{port}"})
    assert ["serve", "8000", '{"temperature": 0, "n": {}}', "/a/{port}"] == filled


def test_arguments_may_have_placeholders() -> None:
    """Known ones."""
    check_placeholders(["--title", "{name}"])
    with pytest.raises(ValueError, match=r"\{nme\}; did you mean 'name'"):
        check_placeholders(["--title", "{nme}"])
