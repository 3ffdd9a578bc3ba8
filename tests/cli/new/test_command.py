"""`llmops new` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk.cli.main import main


def test_a_package_is_written_and_the_next_commands_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Underscores become hyphens, and the text has both names."""
    assert 0 == main(["new", "metric", "tone_of_voice", "--into", str(tmp_path)])

    folder = tmp_path / "llmops-tone-of-voice"
    assert (folder / "src" / "llmops_tone_of_voice" / "metric.py").exists()
    shown = capsys.readouterr().out.splitlines()
    assert f"wrote {folder}: the metric 'tone-of-voice' in the module llmops_tone_of_voice; next:" == shown[0]
    assert [f"  cd {folder}", "  pip install -e '.[dev]'", "  pytest"] == shown[1:]


@pytest.mark.parametrize("kind", ["dataset", "target", "trainer", "reporter"])
def test_every_kind_is_a_command(kind: str, tmp_path: Path) -> None:
    """The module of the implementation is called as the kind."""
    assert 0 == main(["new", kind, "mine", "--into", str(tmp_path)])

    assert (tmp_path / "llmops-mine" / "src" / "llmops_mine" / f"{kind}.py").exists()


def test_a_pipeline_is_written_into_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is optional, and may end with .yaml."""
    monkeypatch.chdir(tmp_path)

    assert 0 == main(["new", "pipeline"])
    assert 0 == main(["new", "pipeline", "second.yaml"])

    assert ["pipeline.yaml", "second.yaml"] == sorted(path.name for path in tmp_path.iterdir())
    shown = capsys.readouterr().out
    assert (
        "wrote pipeline.yaml; check it with: llmops plan pipeline.yaml; run it with: llmops run pipeline.yaml" in shown
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["metric", "Tone"], "error: a name is lower-case words joined by hyphens, such as 'tone', not 'Tone'"),
        (["pipeline", "in/folder"], "error: a name is lower-case words"),
        (["dataset", "sample"], "has the dataset 'sample' already"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of mistakes."""
    assert 2 == main(["new", *arguments, "--into", str(tmp_path)])

    assert message in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())
