from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.prompts.bundled import ALPACA
from llmops_plugins.prompts.options import TemplateOptions
from llmops_plugins.prompts.template import OwnTemplate
from llmops_sdk import DataError
from llmops_sdk.plugin import ChatPrompt, ChatTemplate, PromptTemplate, TextPrompt, TextTemplate, render

RECORD = {"instruction": "Summarize.", "context": "Rain fell.", "response": "It rained."}


def _template(**options: Any) -> PromptTemplate:
    return OwnTemplate(TemplateOptions(**options)).template()


def _file(folder: Path, text: str, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_for_jumpstart_works_as_it_is(tmp_path: Path) -> None:
    """A `template.json` with prompt and completion gives what JumpStart sends, including its response key."""
    path = _file(tmp_path, json.dumps({"prompt": ALPACA.prompt, "completion": ALPACA.completion}), "template.json")
    assert render(ALPACA, RECORD) == render(_template(path=path), RECORD)


def test_a_json_file_may_escape_any_character(tmp_path: Path) -> None:
    """`json.dump` writes an emoji as two escapes, which are read as one character."""
    path = _file(tmp_path, json.dumps({"prompt": "\N{GRINNING FACE} {context}"}), "template.json")
    assert TextPrompt("😀 Rain fell.\n\n### Response:\n", "It rained.") == render(_template(path=path), RECORD)


def test_a_yaml_file_with_every_key(tmp_path: Path) -> None:
    """All keys of a text template can be set in a file."""
    path = _file(
        tmp_path,
        'prompt: "{instruction}\\nText: {context}\\n"\nresponse_key: "Summary:"\n'
        'completion: " {response}\\n"\nstop: ["\\n\\n", "Text:"]\n',
    )
    template = _template(path=path)
    assert TextPrompt("Summarize.\nText: Rain fell.\nSummary:", " It rained.\n") == render(template, RECORD)
    assert ("\n\n", "Text:") == template.stop


def test_a_chat_file(tmp_path: Path) -> None:
    """Messages in a file make a chat template; an example's answer is a message too."""
    path = _file(
        tmp_path,
        "messages:\n"
        "- {role: user, content: 'Hello'}\n"
        "- {role: assistant, content: 'Give me a text.'}\n"
        "- {role: user, content: '{context}'}\n"
        "stop: END\n",
    )
    template = _template(path=path)
    messages = (
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Give me a text."},
        {"role": "user", "content": "Rain fell."},
    )
    assert ChatPrompt(messages, "It rained.") == render(template, RECORD)
    assert ("END",) == template.stop


def test_the_same_keys_as_options() -> None:
    """A short template needs no file."""
    text = _template(prompt="TL;DR {context}", response_key="\n", completion="{response}", stop=("\n",))
    assert TextTemplate("TL;DR {context}", "\n", "{response}", ("\n",)) == text
    user = {"role": "user", "content": "{context}"}
    assert ChatTemplate((user,)) == _template(messages=(user,))


def test_an_empty_response_key_is_a_response_key() -> None:
    """JumpStart's is used only if there is none."""
    assert TextPrompt("Rain fell.", "It rained.") == render(_template(prompt="{context}", response_key=""), RECORD)


def test_options_complete_a_file(tmp_path: Path) -> None:
    """Keys that the file lacks can be options."""
    path = _file(tmp_path, "prompt: '{context}'\n")
    template = _template(path=path, response_key=" =>", stop=("x",))
    assert TextTemplate("{context}", " =>", stop=("x",)) == template


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.yaml",
            "promt: x\n",
            "has the unknown key 'promt'; known: prompt, response_key, completion, stop, messages",
        ),
        ("a.yaml", "completion: x\n", "has neither prompt nor messages; set one of them"),
        ("a.yaml", "prompt: x\nmessages: []\n", "has both prompt and messages; set one of them"),
        ("a.yaml", "messages: []\nresponse_key: x\n", "has messages and a response_key"),
        ("a.yaml", "prompt: 5\n", ": prompt must be text, not a number"),
        ("a.yaml", "prompt:\n", ": prompt must be text, not empty"),
        ("a.yaml", "prompt: x\nstop: 5\n", ": stop must be a list of texts"),
        ("a.yaml", "prompt: x\nstop: [5]\n", ": stop must be a list of texts"),
        ("a.yaml", "messages: hello\n", ": messages must be a list of messages"),
        ("a.yaml", "messages: [hello]\n", ": messages must be a list of messages"),
        ("a.yaml", "messages: [{role: user, content: 5}]\n", ": messages must be a list of messages"),
        ("a.yaml", "- prompt\n", "must have keys (prompt, response_key, completion, stop, messages)"),
        (
            "a.yaml",
            "",
            "must have keys (prompt, response_key, completion, stop, messages) with their values; it is empty",
        ),
        ("a.yaml", "prompt: {a: b\n", "is not YAML: "),
        ("a.yaml", "prompt: !!python/name:os.system x\n", "is not YAML: "),
        ("a.json", '{"prompt": "x",}', "is not JSON: "),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    """The error names the file and the key."""
    path = _file(tmp_path, text, name)
    with pytest.raises(DataError) as caught:
        _template(path=path)
    assert str(caught.value).startswith(f"the template file {path!r}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_compressed_file_is_named_as_one(tmp_path: Path, name: str) -> None:
    """Not as another encoding."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"prompt: x", mtime=0))
    with pytest.raises(DataError, match=r"is compressed with gzip: gunzip it$"):
        _template(path=str(path))
    path.write_bytes("prompt: x".encode("utf-16"))
    with pytest.raises(DataError, match="is UTF-16, not UTF-8: iconv"):
        _template(path=str(path))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """It may be missing, a folder, or in another encoding."""
    with pytest.raises(DataError, match=r"the template file '.*none\.yaml' cannot be read: no such file"):
        _template(path=str(tmp_path / "none.yaml"))
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        _template(path=str(tmp_path))
    other = tmp_path / "latin.yaml"
    other.write_bytes(b"prompt: caf\xe9\n")
    with pytest.raises(DataError, match="is not UTF-8 at byte 11"):
        _template(path=str(other))


def test_a_key_that_is_set_twice_is_an_error(tmp_path: Path) -> None:
    """Neither the file nor the option wins silently."""
    path = _file(tmp_path, "prompt: x\nstop: []\n")
    with pytest.raises(DataError, match="'stop' is set as an option and in the template file"):
        _template(path=path, stop=("x",))


def test_options_without_a_prompt_are_an_error() -> None:
    """The card alone is not a template."""
    with pytest.raises(DataError, match="the prompt 'template' has neither prompt nor messages"):
        _template()
