"""The command line in this process, in an empty folder, with the quick plugins of the test kit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import yaml

from llmops_sdk.cli.main import main
from llmops_sdk.plugin.registry import Registry

PIPELINE = {
    "name": "echoes",
    "datasets": [{"use": "lines"}],
    "prompts": ["bare"],
    "models": [
        {"use": "echo", "name": "loud", "fine_tune": False},
        {"use": "echo", "name": "quiet", "voice": "quiet", "fine_tune": False},
    ],
    "evaluators": ["echo-score"],
}


@attrs.frozen
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Standard output with single spaces: where lines wrap does not matter."""
        return " ".join(self.out.split())


Command = Callable[..., Outcome]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001 - a cache of its own
    """The working directory, with a pipeline in `echoes.yaml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "echoes.yaml").write_text(yaml.safe_dump(PIPELINE), encoding="utf-8")
    return tmp_path


@pytest.fixture(name="llmops")
def _llmops(
    folder: Path,  # noqa: ARG001 - where it runs
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Runs a command; its exit code must be the expected one."""
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))

    def llmops(*arguments: str, code: int = 0) -> Outcome:
        capsys.readouterr()
        ended = main(list(arguments))
        captured = capsys.readouterr()
        assert code == ended, captured.out + captured.err
        return Outcome(ended, captured.out, captured.err)

    return llmops
