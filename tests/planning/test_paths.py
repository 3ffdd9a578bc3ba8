"""Paths in options, of whatever plugin."""

from __future__ import annotations

from pathlib import Path

import attrs

from llmops_sdk import Pipeline, Registry
from llmops_sdk.planning.components import Chooser
from llmops_sdk.planning.paths import path_checks
from llmops_sdk.plugin import DatasetCard, Options, option

from ..plugin.plugins import make_plugin


@attrs.frozen(kw_only=True)
class Files(Options):
    """The options of another distribution's dataset."""

    first: str = option("", path=True)
    all: tuple[str, ...] = option((), path=True)


def test_paths_of_any_plugin_are_relative_to_the_specification(registry: Registry, tmp_path: Path) -> None:
    """Single ones and lists, wherever the command is typed."""
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("", encoding="utf-8")

    registry.add("acme", make_plugin(DatasetCard(name="files", summary="", load="x:Y", options=Files)))

    options = Chooser(registry, tmp_path).choose("dataset", "files", {"first": "one.txt", "all": ["two.txt"]}).options

    assert (str(tmp_path / "one.txt"), (str(tmp_path / "two.txt"),)) == (options.first, options.all)


def test_paths_above_the_specification_are_shown_without_dots(registry: Registry, tmp_path: Path) -> None:
    """Unless a symbolic link on the way makes the shorter path that of another file, or of none."""
    for name in ("a/one.txt", "spec/two.txt", "spec/deep/folder/three.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    spec = tmp_path / "spec"
    (spec / "link").symlink_to(spec / "deep" / "folder")
    registry.add("acme", make_plugin(DatasetCard(name="files", summary="", load="x:Y", options=Files)))

    located = (
        Chooser(registry, spec)
        .choose("dataset", "files", {"first": "../a/one.txt", "all": ["./two.txt", "link/../folder/three.txt"]})
        .options
    )

    assert str(tmp_path / "a" / "one.txt") == located.first
    assert (str(spec / "two.txt"), str(spec / "link" / ".." / "folder" / "three.txt")) == located.all


def test_paths_that_do_not_exist_are_found_before_a_run(registry: Registry) -> None:
    """What can only be a path; a hub id or a name may be found later, by the plugin."""
    registry.add("acme", make_plugin(DatasetCard(name="files", summary="", load="x:Y", options=Files)))
    pipeline = Pipeline.builder().with_dataset(
        "files", first="ORG/NAME", all=("./no.txt", "/no/such", "a/b/c", "name", "s3://a/b")
    )

    plan = pipeline.with_prompt("bare").with_model("echo", fine_tune=False).with_evaluator("echo-score").build(registry)

    findings = [(check.name, check.run().text) for check in path_checks(plan, registry)]
    expected = [f"all: there is no file or folder {path!r}" for path in ("./no.txt", "/no/such", "a/b/c")]
    assert [("dataset 'files'", text) for text in expected] == findings
