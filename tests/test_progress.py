"""Progress: bars on a terminal, plain lines in a pipe, events between processes, and nothing when quiet."""

from __future__ import annotations

import io
import json
from typing import IO

import pytest

from llmops_sdk import Progress
from llmops_sdk.progress import EventProgress, PlainProgress, RichProgress, plain, progress_for, replay


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_plain_lines_show_the_amount_and_the_details() -> None:
    """A line names the task, how much of it is done, and the details with spaces for underscores."""
    stream = io.StringIO()
    progress = PlainProgress(stream, every=0)

    with progress, progress.task("asking base", 40, "records") as task:
        task.update(10, tokens_per_second="81")
        task.advance(2)

    first, second = _lines(stream)
    assert "  asking base: 10/40 records  tokens per second 81" == first
    assert second.startswith("  asking base: 12/40 records")


def test_plain_lines_estimate_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the speed of this attempt: what an earlier one did is not counted. The steps of a run have no estimate."""
    stream, clock = io.StringIO(), iter([0.0, 0.0, 0.0, 0.0, 30.0, 30.0, 1830.0, 1830.0])
    progress = PlainProgress(stream, every=10)
    monkeypatch.setattr("llmops_sdk.progress.time.monotonic", lambda: next(clock))

    with progress.task("fine-tuning", 500, "steps") as task, progress.task("steps", 4, "steps") as steps:
        task.update(100)
        steps.update(0)
        task.update(110, loss="1.7")
        steps.advance()
        task.update(480)
        steps.advance()

    assert [
        "  fine-tuning: 110/500 steps  loss 1.7  about 20 min left",
        "  steps: 1/4",
        "  fine-tuning: 480/500 steps  about 2 min left",
        "  steps: 2/4",
    ] == _lines(stream)


@pytest.mark.parametrize(
    ("label", "total", "unit", "line"),
    [
        ("steps", 7, "steps", "  steps: 2,000,000/7"),
        ("reading", None, "records", "  reading: 2,000,000 records"),
        ("download", 5e6, "bytes", "  download: 2.0/5.0 MB"),
        ("download", None, "bytes", "  download: 2.0 MB"),
    ],
)
def test_amounts_have_their_unit_once(label: str, total: float | None, unit: str, line: str) -> None:
    """Bytes are shown as megabytes, an unknown total is left out, and a unit that is the label is not repeated."""
    stream = io.StringIO()
    progress = PlainProgress(stream, every=0)

    with progress.task(label, total, unit) as task:
        task.update(2e6)

    assert [line] == _lines(stream)


def test_plain_lines_are_limited_in_time() -> None:
    """A task that is updated often writes one line in `every` seconds; lines that stay are always written."""
    stream = io.StringIO()
    progress = PlainProgress(stream, every=60)

    with progress.task("asking", 1000, "records") as task:
        for _ in range(1000):
            task.advance()
        progress.log("run x")

    assert ["run x"] == _lines(stream)


def test_events_are_replayed_on_another_progress() -> None:
    """What a child process writes as JSON appears in its parent as if it had happened there."""
    events, stream = io.StringIO(), io.StringIO()
    child = EventProgress(events)
    child.log("hello")
    with child.task("asking", 4, "records") as task:
        task.update(1, loss="1.7")

    lines = _lines(events)
    parent = PlainProgress(stream, every=0)
    for line in lines:
        replay(line, parent)

    assert ["log", "start", "update", "end"] == [json.loads(line)["event"] for line in lines]
    assert ["hello", "  asking: 1/4 records  loss 1.7"] == _lines(stream)


def test_bars_show_the_amount_on_a_terminal() -> None:
    """A task is drawn with its amount and details while it is open, and logged lines stay above the bars."""
    stream = Terminal()
    progress = RichProgress(stream)

    with progress, progress.task("asking base", 40, "records") as task:
        task.update(10, loss="1.7")
        progress._bars.refresh()
        progress.log("run x")

    assert "10/40 records" in stream.getvalue()
    assert "loss 1.7" in stream.getvalue()
    assert "run x" in stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "quiet", "kind"),
    [(Terminal(), False, RichProgress), (io.StringIO(), False, PlainProgress), (Terminal(), True, Progress)],
)
def test_the_stream_decides_the_kind(stream: IO[str], kind: type[Progress], *, quiet: bool) -> None:
    """Bars for a terminal, plain lines for a pipe, nothing when quiet."""
    assert kind is type(progress_for(stream, quiet=quiet))


def _lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_text_cannot_move_the_cursor_or_reverse_a_line() -> None:
    """Control characters, bidirectional overrides and lone surrogates are shown by their codes; other text as it is."""
    assert "<1b>[2J<0d>[bold]" == plain("\x1b[2J\r[bold]")
    assert "a<202e>b <d83d>" == plain("a\u202eb \ud83d")
    assert "naïve 日本語 שלום 😀\tx\n" == plain("naïve 日本語 שלום 😀\tx\n")


def test_a_closed_terminal_does_not_stop_the_work() -> None:
    """Progress that cannot be written is not shown; the endpoint behind it is still deleted."""

    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    with PlainProgress(Closed()) as progress:
        progress.log("hello")
