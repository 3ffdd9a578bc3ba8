"""What the shared options and arguments name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmops_sdk import Pipeline, Run, SpecError
from llmops_sdk.cli.options import open_run, read_pipeline
from llmops_sdk.record.local_store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from llmops_sdk.plugin.registry import Registry


def test_a_specification_is_a_file_or_an_example(folder: Path) -> None:
    """A file in the working directory takes precedence over an example of its name."""
    assert "echoes" == read_pipeline("echoes.yaml").spec.name
    assert "quickstart" == read_pipeline("quickstart").spec.name
    (folder / "quickstart").write_text("name: mine\n", encoding="utf-8")
    assert "mine" == read_pipeline("quickstart").spec.name


def test_overrides_change_the_specification(folder: Path) -> None:  # noqa: ARG001 - the working directory
    """As `--set` has them."""
    assert "other" == read_pipeline("echoes.yaml", ("name=other",)).spec.name


def test_a_path_is_never_an_example(folder: Path) -> None:  # noqa: ARG001 - the working directory
    """Neither is a name with a suffix."""
    for name in ("quickstart.yaml", "./quickstart"):
        with pytest.raises(SpecError, match="there is no specification file"):
            read_pipeline(name)


def test_a_run_is_opened_by_name_or_by_address(folder: Path, registry: Registry) -> None:
    """An address names the store too; without a run it means the latest one."""
    plan = Pipeline.from_yaml(folder / "echoes.yaml").build(registry)
    run = Run.create(LocalStore(folder / "store"), plan)
    address = f"file://{folder}/store"

    assert run.id == open_run(run.id, str(folder / "store")).id
    assert run.id == open_run(f"{address}/runs/{run.id}", "not-used").id
    assert run.id == open_run(f"{address}/runs/", "not-used").id
