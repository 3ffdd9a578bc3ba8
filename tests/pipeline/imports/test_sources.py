"""What a user may name: files, runs, candidates of runs, each under a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import DataError, LocalStore, Registry, RunNotFoundError, SpecError
from llmops_sdk.pipeline.imports.sources import FileSource, RunSource, find_source

from .sources import run_echoes


def test_a_path_may_have_a_name(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that exists is a path, whatever it looks like."""
    monkeypatch.chdir(tmp_path)
    store = LocalStore("runs")
    for name in ("a.csv", "odd=name.csv"):
        Path(name).touch()

    assert FileSource(Path("a.csv")) == find_source("a.csv", store, registry)
    assert FileSource(Path("a.csv"), "old") == find_source("old=a.csv", store, registry)
    assert FileSource(Path("odd=name.csv")) == find_source("odd=name.csv", store, registry)
    assert "a" == find_source(Path("a.csv"), store, registry).usual_name


def test_a_run_may_have_a_candidate_and_a_name(tmp_path: Path, registry: Registry) -> None:
    """By its ID, a prefix or `latest`; its folder is the run, too."""
    run = run_echoes(tmp_path, registry).run
    store = LocalStore(tmp_path / "runs")

    for text in ("latest:loud", "echoes:loud", f"{run.id}:loud"):
        source = find_source(text, store, registry)
        assert isinstance(source, RunSource)
        assert (run.id, "loud", f"run {run.id}:loud") == (source.run.id, source.candidate, source.label)
    named = find_source("old=latest", store, registry)
    assert "old" == named.usual_name
    folder = find_source(str(tmp_path / "runs" / "runs" / run.id), LocalStore(tmp_path / "others"), registry)
    assert isinstance(folder, RunSource)
    with pytest.raises(SpecError, match=r"has no candidate 'lou'; did you mean 'loud'"):
        find_source("latest:lou", store, registry)


def test_what_does_not_exist_is_one_line(tmp_path: Path, registry: Registry) -> None:
    """What looks like a file is called one."""
    store = LocalStore(tmp_path)

    with pytest.raises(DataError, match=r"^the file 'scores.csv' does not exist$"):
        find_source("scores.csv", store, registry)
    with pytest.raises(DataError, match=r"^the file 'scores.csv' does not exist$"):
        find_source("old=scores.csv", store, registry)
    with pytest.raises(RunNotFoundError, match=r"^there is neither a file nor a run 'nothing'"):
        find_source("nothing", store, registry)
    with pytest.raises(
        SpecError, match=r"the name 'my model' may have letters, digits, '-' and '_' only; write my-model="
    ):
        find_source("my model=scores.csv", store, registry)
