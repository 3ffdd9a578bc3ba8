"""The HTML reporter."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk import Pipeline, Progress, Registry


def test_the_page_is_in_the_record_and_where_the_option_says(registry: Registry, tmp_path: Path) -> None:
    """Both are the same page; its folder is made."""
    copy = tmp_path / "pages" / "report.html"
    pipeline = (
        Pipeline.builder("echo")
        .with_dataset("lines", records=6)
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("echo-score")
        .with_reporter("html", path=str(copy))
    )

    run = pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress()).run

    assert copy.read_bytes() == run.read("report.html")
    assert b"echo" in copy.read_bytes()
