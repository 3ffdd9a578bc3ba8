"""The list of assets, as `llmops assets list` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from llmops_sdk.assets.asset import Asset, find_asset
from llmops_sdk.cli.output.tables import new_table, open_console, print_line


def show_assets(assets: Iterable[Asset], home: Path) -> None:
    """Print one line an asset, and whether it is on this machine."""
    console, table = open_console(), new_table("asset", "size", "downloaded", "description")
    for asset in assets:
        table.add_row(asset.name, _size(asset.size), "yes" if find_asset(asset, home) else "no", asset.summary)
    console.print(table)
    print_line(console, f"\nstored in {home / 'assets'}; download with: llmops assets get NAME, or --all")


def _size(size: int) -> str:
    megabytes = size / 1e6
    return "<1 MB" if megabytes < 1 else f"{megabytes:,.0f} MB"
