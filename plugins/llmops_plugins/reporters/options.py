"""The options of the reporters."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Options, option

ENDINGS = (".parquet", ".jsonl", ".csv")
"""How the file of a table ends, which is its format."""

_IN_RECORD = "in the run's record"
_RUN = "{run} in it is the run's ID"


def _is_table(_options: object, attribute: Any, value: str) -> None:
    if value and PurePath(value).suffix not in ENDINGS:
        message = (
            f"{attribute.name} ends with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, which is the format, not {value!r}"
        )
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class HtmlOptions(Options):
    """Where the page is written."""

    path: str = option("", help="a file to write the page to as well; relative to the working directory")


@attrs.frozen
class TableFile:
    """A file of a table.

    Attributes:
        path: Where it is; empty for one in the run's record.
        name: Its name in the run's record.
    """

    path: str
    name: str


@attrs.frozen(kw_only=True)
class TableOptions(Options):
    """Where the tables are written."""

    path: str = option(
        "",
        help="the file with a row for each record, candidate and metric: FILE.parquet, .jsonl or .csv; relative to the working "
        f"directory; {_RUN}; default: scores.csv {_IN_RECORD}",
        validator=_is_table,
    )
    candidates: str = option(
        "",
        help="the file with a row for each candidate and metric; default: NAME-candidates beside that of path",
        validator=_is_table,
    )

    def files(self) -> tuple[TableFile, TableFile]:
        """Return the file of the scores, and that of the candidates."""
        path = PurePath(self.path)
        beside = str(path.with_name(f"{path.stem}-candidates{path.suffix}")) if self.path else ""
        return TableFile(self.path, "scores.csv"), TableFile(self.candidates or beside, "scores-candidates.csv")


@attrs.frozen(kw_only=True)
class ModelCardOptions(Options):
    """Where the section is written."""

    path: str = option(
        "", help=f"the Markdown file; relative to the working directory; {_RUN}; default: model-card.md {_IN_RECORD}"
    )


@attrs.frozen(kw_only=True)
class LmEvalOptions(Options):
    """Where the files are written."""

    path: str = option(
        "",
        help="the folder, as of `lm_eval --output_path`: a folder for each candidate is made in it; relative to the working "
        f"directory; {_RUN}; default: lm-eval {_IN_RECORD}",
    )


@attrs.frozen(kw_only=True)
class EveryEvalEverOptions(Options):
    """Where the files are written, and what they have that a run does not record."""

    path: str = option(
        "",
        help="the folder; in it the files are below data/COLLECTION/DEVELOPER/MODEL, as in the datastore; relative to the "
        f"working directory; {_RUN}; default: every-eval-ever {_IN_RECORD}",
    )
    organization: str = option("unknown", help="the name of the organization that evaluates")
    relationship: str = option(
        "other",
        help="of the evaluator to the models' developer: first_party, third_party, collaborative or other",
        validator=validators.in_(("first_party", "third_party", "collaborative", "other")),
    )
    samples: bool = option(True, help="whether the answers and scores of all records are written too")
