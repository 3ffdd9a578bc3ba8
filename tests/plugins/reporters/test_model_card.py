"""The reporter `model-card`: a Markdown section that replaces itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Result, UserError

from .conftest import Report


def test_the_section_has_the_candidates_and_the_verdict(result: Result, report: Report) -> None:
    """For each dataset; with intervals, directions, and what has no result."""
    assert ["wrote card.md"] == report(result.run, "model-card", path="card.md")

    text = Path("card.md").read_text(encoding="utf-8")
    board = result.leaderboards[0]
    estimate = board.cells[0].estimates["exact"]
    assert "### lines: 20 test records (SHA-256 " in text
    assert "### more: 10 test records (SHA-256 " in text
    assert "| candidate | model | Exact match ↑ | Noise ↓ | answered |" in text
    assert f"| good | as it is | {estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] | " in text
    assert board.verdict.headline in text
    assert "none has no result: step generate.none failed: " in text
    assert f"run `{result.run.id}`" in text


def test_a_card_keeps_the_rest_of_its_text(result: Result, report: Report) -> None:
    """The section is added at its end once, and replaced where it stands."""
    card = Path("README.md")
    card.write_text("---\nlicense: mit\n---\n# A model\n", encoding="utf-8")

    report(result.run, "model-card", path="README.md")
    first = card.read_text(encoding="utf-8")
    card.write_text(f"{first}\n## Citation\n", encoding="utf-8")
    report(result.run, "model-card", path="README.md")

    assert first.startswith("---\nlicense: mit\n---\n# A model\n\n<!-- llmops-sdk: evaluation -->\n## Evaluation\n")
    assert f"{first}\n## Citation\n" == card.read_text(encoding="utf-8")


def test_without_a_path_it_is_in_the_record(result: Result, report: Report) -> None:
    """As `model-card.md`."""
    report(result.run, "model-card")

    assert (result.run.read("model-card.md") or b"").startswith(b"<!-- llmops-sdk: evaluation -->\n## Evaluation\n")


def test_a_card_that_is_no_text_is_refused(result: Result, report: Report) -> None:
    """And stays as it is."""
    Path("card.md").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(UserError, match=r"the model card 'card.md' cannot be read: "):
        report(result.run, "model-card", path="card.md")
    assert b"\xff\xfe\x00" == Path("card.md").read_bytes()
