"""Specification files and `--set`."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.specification.files import read_spec
from llmops_sdk.planning.specification.spec import ComponentSpec

TEXT = """\
name: summaries
datasets: [sample]
models:
- {use: smollm2, name: base}
- {use: smollm2, name: tuned, trainer: {max_steps: 5}}
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_overrides_change_values_of_the_file(path: Path) -> None:
    """They reach into lists by number and into mappings by name, add what is missing, and read YAML values."""
    spec = read_spec(
        path,
        (
            "models.1.trainer.max_steps=9",
            "models.0.deployer.dtype=bfloat16",
            "generation.temperature=0.5",
            "datasets.0=dolly",
            "name='a: b'",
        ),
    )

    assert 9 == spec.models[1].trainer.options["max_steps"]
    assert {"dtype": "bfloat16"} == spec.models[0].deployer.options
    assert 0.5 == spec.generation.temperature
    assert "dolly" == spec.datasets[0].use
    assert "a: b" == spec.name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name", "an override is written KEY.PATH=VALUE, for example models.1.trainer.epochs=2, not 'name'"),
        ("=x", "an override is written KEY.PATH=VALUE"),
        ("models.7.name=x", "the override 'models.7.name=x' does not fit: the specification has no 'models.7'"),
        ("models.7=x", "has no 'models.7'"),
        ("models.-1.name=x", "has no 'models.-1'"),
        ("models.first.name=x", "has no 'models.first'"),
        ("name.x.y=1", "has no 'name.x'"),
        ("name.x=1", "has no 'name.x'"),
        (
            "name=[",
            "the override 'name=[', line 1 is not valid YAML: ",
        ),
    ],
)
def test_an_override_that_does_not_fit_names_itself(override: str, message: str, path: Path) -> None:
    """The message has the override and the first part of its path that the specification lacks."""
    with pytest.raises(SpecError) as raised:
        read_spec(path, (override,))

    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generation.max_tokens=3", "generation: unknown key 'max_tokens'; did you mean 'max_new_tokens'?"),
        ("modles.0=x", "has an unknown key 'modles'; did you mean 'models'?"),
    ],
)
def test_an_override_with_an_unknown_key_gets_a_suggestion(override: str, message: str, path: Path) -> None:
    """As the same key in the file does."""
    with pytest.raises(SpecError) as raised:
        read_spec(path, (override,))

    assert f"{path}" in str(raised.value)
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """It is missing, a folder, or no YAML."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("models: [a\n", encoding="utf-8")
    for path, message in [
        (tmp_path / "nowhere.yaml", "there is no specification file"),
        (tmp_path, "cannot be read"),
        (broken, "broken.yaml, line 2 is not valid YAML: expected ',' or ']', but got"),
    ]:
        with pytest.raises(SpecError) as raised:
            read_spec(path)
        assert message in str(raised.value)
        assert "\n" not in str(raised.value)


def test_relative_paths_are_relative_to_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the file itself is named by a relative path."""
    monkeypatch.chdir(path.parent)

    assert path.parent == read_spec(Path("pipeline.yaml")).folder


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfem\x00", "is UTF-16; save it as UTF-8"),
        (b"name: x\nmodels: [\xe9]\n", "is not UTF-8: byte 0xe9 in line 2"),
        (b"# " * 6_000_000, "is larger than 10 MiB"),
        (b"models:\n", "models is empty; list something below it, or remove the key"),
        (b"settings:\nmodels: [echo]\n", "settings is empty"),
        (b"name: NO\n", "name is text, not False; YAML reads yes, no, on and off as true or false: put it in quotes"),
        (b"models: [{use: echo, 1: 2}]\n", "has the key 1, which is no text; put it in quotes"),
    ],
)
def test_odd_files_are_refused_in_one_line(data: bytes, message: str, tmp_path: Path) -> None:
    """The message has the reason and how to fix it."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(data)

    with pytest.raises(SpecError) as raised:
        read_spec(path)

    assert message in str(raised.value)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: marked\n")

    assert "marked" == read_spec(path).name


def test_a_device_is_not_read() -> None:
    """It would have no end."""
    with pytest.raises(SpecError, match="it is a device"):
        read_spec(Path("/dev/zero"))


def test_an_override_of_an_option_of_a_short_form(tmp_path: Path) -> None:
    """`prompts: [plain]` is `prompts: [{use: plain}]`: an option of it can be set; another text has no parts."""
    path = tmp_path / "a.yaml"
    path.write_text("prompts: [plain]\nmodels: [m]\nexecutor: local\n", encoding="utf-8")

    spec = read_spec(path, ("prompts.0.name=p", "executor.workers=2", "models.0.trainer.epochs=2"))

    assert (ComponentSpec("plain", "p"),) == spec.prompts
    assert ComponentSpec("local", "", {"workers": 2}) == spec.executor
    assert {"epochs": 2} == spec.models[0].trainer.options
    with pytest.raises(SpecError, match=r"does not fit: the specification has no 'prompts.0.name.x'"):
        read_spec(path, ("prompts.0.name=p", "prompts.0.name.x=1"))
