"""A run as an Arrow table and as a data frame."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from llmops_sdk import MissingExtraError, Result
from llmops_sdk.report.tables.arrow import arrow_schema


def test_every_answer_is_a_row_with_a_column_for_each_metric(states: Result, needs: Callable[..., None]) -> None:
    """With what was asked and expected; a score that there is not is null, with the reason in `error`."""
    needs("pyarrow")
    table = states.to_arrow()

    rows = table.to_pylist()
    assert 12 == table.num_rows
    assert ["question", "reference", "quality", "cost_score", "error"] == table.schema.names[-5:]
    row = rows[0]
    assert ("old", 0, "good", 0.25, 1.0, 2.0, None, "") == tuple(
        row[name] for name in ("candidate", "record", "answer", "latency", "quality", "cost_score", "cost", "error")
    )
    assert "good" == row["reference"]
    assert "say 0" == json.loads(row["question"])[-1]["content"]
    assert [(0.5, None, "choosy: cost: no price"), (None, None, "choosy: no JSON")] == [
        (row["quality"], row["cost_score"], row["error"]) for row in rows[1:3]
    ]
    assert "int64" == str(table.schema.field("seed").type)  # although all are null


def test_the_data_frame_is_the_same(states: Result, needs: Callable[..., None]) -> None:
    """In the same order."""
    needs("pyarrow", "pandas")
    frame = states.to_pandas()

    assert states.to_arrow().schema.names == list(frame.columns)
    assert [1.0, 0.5, 1.0] == frame[frame.candidate == "old"]["quality"].dropna().tolist()


@pytest.mark.parametrize("module", ["pyarrow", "pandas"])
def test_a_missing_library_names_the_extra(states: Result, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the command to type."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtraError, match=rf"need {module}: pip install .*\[tables\]'"):
        states.to_pandas()


def test_the_schema_has_the_types_of_the_columns(needs: Callable[..., None]) -> None:
    """Text, whole numbers, numbers, and true or false."""
    needs("pyarrow")

    schema = arrow_schema({"a": str, "b": int, "c": float, "d": bool})

    assert ["string", "int64", "double", "bool"] == [str(field.type) for field in schema]
