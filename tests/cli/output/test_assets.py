"""The list of assets, as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.cli.output.assets import show_assets
from llmops_sdk.plugin import Asset

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_each_asset_has_its_size_and_whether_it_is_downloaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line has the folder and the command that downloads."""
    show_assets([Asset("small", "a list", 500, {}, ()), Asset("large", "weights", 1_420_000_000, {}, ())], tmp_path)

    lines = capsys.readouterr().out.splitlines()
    assert ["small", "<1", "MB", "no", "a", "list"] == lines[1].split()
    assert ["large", "1,420", "MB", "no", "weights"] == lines[2].split()
    assert f"stored in {tmp_path / 'assets'}; download with: llmops assets get NAME, or --all" == lines[-1]
