"""Where reporters write files: to a path that an option names, or into the run's record. Never half a file."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_sdk.plugin import Context, Run, UserError

RUN = "{run}"
"""What stands for the run's ID in a path."""


@contextmanager
def new_file(context: Context, run: Run, path: str, name: str) -> Iterator[Path]:
    """Yield a draft to write; at a normal end of the block it becomes the file, and after an exception it is deleted.

    Args:
        context: Its folder holds a draft for the run's record.
        run: The run.
        path: The file; `{run}` in it is the run's ID. Empty for one in the run's record.
        name: The name of the file in the run's record.

    Raises:
        UserError: The path cannot be written.
    """
    if not path:
        draft = context.folder / secrets.token_hex(4) / name
        draft.parent.mkdir(parents=True)
        yield draft
        run.put_files(draft.parent)
        context.progress.log(f"wrote {run.locate(name)}")
        return
    target = path_of(path, run)
    with _draft_of(target) as draft:
        yield draft
    context.progress.log(f"wrote {target}")


@contextmanager
def new_files(context: Context, run: Run, path: str, name: str) -> Iterator[Path]:
    """Yield an empty folder to write to; at a normal end of the block its files are moved, in the order of their last writes.

    Args:
        context: Its folder holds the drafts.
        run: The run.
        path: The folder; `{run}` in it is the run's ID. Empty for one in the run's record.
        name: The name of the folder in the run's record.

    Raises:
        UserError: The path cannot be written.
    """
    work = context.folder / secrets.token_hex(4)
    drafts = work / name
    drafts.mkdir(parents=True)
    yield drafts
    if not path:
        run.put_files(work)
        context.progress.log(f"wrote {run.locate(name)}")
        return
    target = path_of(path, run)
    files = [file for file in drafts.rglob("*") if file.is_file()]
    for file in sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name)):
        with _draft_of(target / file.relative_to(drafts)) as draft, file.open("rb") as source, draft.open("wb") as copy:
            while block := source.read(1 << 20):
                copy.write(block)
    context.progress.log(f"wrote {target}")


def path_of(path: str, run: Run) -> Path:
    """Return the path that an option names."""
    return Path(path.replace(RUN, run.id)).expanduser()


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.replace(target)
    except OSError as exc:
        message = f"{str(target)!r} cannot be written: {exc.strerror or exc}"
        raise UserError(message) from exc
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
