"""The progress of a download that only its folder shows."""

from __future__ import annotations

import threading
from pathlib import Path

from llmops_plugins._hub.progress import report_growth


def test_new_bytes_are_reported(tmp_path: Path) -> None:
    """Files that were complete before do not count; one that is continued does, with what it already had."""
    (tmp_path / "complete").write_bytes(b"x" * 100)
    (tmp_path / "part.incomplete").write_bytes(b"x" * 10)
    reported: list[float] = []
    enough = threading.Event()

    def report(size: float) -> None:
        reported.append(size)
        if size == 15:
            enough.set()

    with report_growth(tmp_path, report):
        (tmp_path / "new").write_bytes(b"x" * 5)
        assert enough.wait(10)

    assert reported[-1] == 15


def test_a_folder_that_does_not_exist_has_no_bytes(tmp_path: Path) -> None:
    """The cache makes it with the first file."""
    reported: list[float] = []
    enough = threading.Event()

    def report(size: float) -> None:
        reported.append(size)
        enough.set()

    with report_growth(tmp_path / "blobs", report):
        assert enough.wait(10)

    assert set(reported) == {0}
