"""The reporter `model-card`: what a run found as a section of a model card, in Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from llmops_plugins.reporters.destination import new_file, path_of
from llmops_plugins.reporters.options import ModelCardOptions
from llmops_sdk.plugin import (
    CellResult,
    Context,
    DatasetSplits,
    Leaderboard,
    Metric,
    Reporter,
    Run,
    Succeeded,
    UserError,
    all_boards,
)

START = "<!-- llmops-sdk: evaluation -->"
END = "<!-- llmops-sdk: end -->"
_SECTION = re.compile(f"{re.escape(START)}.*?{re.escape(END)}\n?", re.DOTALL)


class ModelCardReporter(Reporter):
    """Writes the section into a file: in the place of the one that it has, or at its end."""

    options: ModelCardOptions

    def report(self, context: Context, run: Run) -> None:
        section = "\n".join([START, *_section(run), END, ""])
        card = _read(path_of(self.options.path, run)) if self.options.path else ""
        if _SECTION.search(card):
            text = _SECTION.sub(lambda _: section, card, count=1)
        else:
            text = f"{card.rstrip()}\n\n{section}" if card.strip() else section
        with new_file(context, run, self.options.path, "model-card.md") as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")


def _read(path: Path) -> str:
    """Return the card as it is, or an empty text where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        message = f"the model card {str(path)!r} cannot be read: {exc}"
        raise UserError(message) from exc


def _section(run: Run) -> Iterator[str]:
    results, plan = run.results(), run.plan
    metrics = [metric for evaluator in results.evaluators for metric in evaluator.metrics]
    yield "## Evaluation"
    for board in all_boards(results):
        title = "Retention, " if board is results.retention else ""
        yield f"\n### {title}{_plain(board.dataset)}: {_test_records(run, board)}\n"
        yield _plain(board.verdict.text)
        yield ""
        shown = sorted(_measured(board, metrics), key=lambda metric: metric.name != board.metric)
        yield from _table(board, shown)
        for failed in board.failed:
            yield f"\n{_plain(failed.label)} has no result: step {failed.step} failed: {_plain(failed.error)}"
        if board.noise_floor:
            yield f"\nNoise floor: {_plain(board.noise_floor.text)}"
    if results.overall:
        yield f"\n### All datasets\n\n{_plain(results.overall.verdict.text)}"
    yield "\n### How it was measured\n"
    yield "- Intervals hold with 95 %; the verdict is of all candidates together, on the same records."
    yield f"- Metric that decides: {_plain(plan.metric)}."
    generation = plan.generation
    options = f"at most {generation.max_new_tokens} tokens, temperature {generation.temperature:g}, top_p {generation.top_p:g}"
    yield f"- Answers: {options}; each record was asked {_times(generation.repeats)}."
    for evaluator in results.evaluators:
        details = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in evaluator.provenance.items())
        yield f"- {_plain(evaluator.name)}: {_plain(details) or 'no further details'}."
    yield f"- llmops-sdk {run.metadata.version}, run `{run.id}` of {run.metadata.created_at:%Y-%m-%d}, plan `{plan.hash[:12]}`."


def _table(board: Leaderboard, metrics: list[Metric]) -> Iterator[str]:
    names = [_plain(metric.label or metric.name) for metric in metrics]
    arrows = {True: " ↑", False: " ↓", None: ""}
    heads = [f"{name}{arrows[metric.higher_is_better]}" for name, metric in zip(names, metrics, strict=True)]
    yield _line(["candidate", "model", *heads, "answered"])
    yield _line(["---", "---", *["---:"] * (len(heads) + 1)])
    for cell in board.cells:
        numbers = [_estimate(cell, metric.name) for metric in metrics]
        yield _line([_plain(cell.candidate), _model(cell), *numbers, f"{cell.answered}/{cell.questions}"])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _model(cell: CellResult) -> str:
    base = cell.training.base.source if cell.training else ""
    seeds = f", {len(cell.checkpoints)} seeds" if cell.checkpoints else ""
    return _plain(f"fine-tuned from {base}{seeds}" if base else f"fine-tuned{seeds}" if cell.fine_tuned else "as it is")


def _estimate(cell: CellResult, metric: str) -> str:
    estimate = cell.estimates.get(metric)
    if estimate is None:
        return "n/a"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.3f}"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _measured(board: Leaderboard, metrics: Iterable[Metric]) -> list[Metric]:
    return [metric for metric in metrics if any(metric.name in cell.estimates for cell in board.cells)]


def _test_records(run: Run, board: Leaderboard) -> str:
    record = run.record(f"prepare.{board.dataset}")
    artifact = run.artifact(record.artifacts["data"]) if isinstance(record, Succeeded) else None
    if artifact is None:
        return "test records unknown"
    splits: DatasetSplits = artifact.read(DatasetSplits)
    return f"{splits.test.records} test records (SHA-256 {splits.test.sha256[:12]})"


def _times(repeats: int) -> str:
    return "once" if repeats == 1 else f"{repeats} times"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line and inside a table too."""
    return re.sub(r"([\\`*|]|\]\()", r"\\\1", html.escape(" ".join(text.split()), quote=False))
