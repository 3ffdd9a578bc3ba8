"""The SDK's `summarization-accuracy` on candidates one after another, in one process, as the score steps of a run do it.

    python own_scoring.py METRICS FOLDER ROWS [ROWS ...]

METRICS are names joined by commas. Each ROWS is a JSONL file with `summary` and `model_output`, one for each candidate. The
scores are written to FOLDER/scores-N.jsonl, one line for each record. Prints one line of JSON: the provenance.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from llmops_sdk import Progress
from llmops_sdk.plugin import Answer, Generation, Runtime, Scored, TextPrompt, default_home
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

ASSETS = ("wordnet", "punkt-tab", "minilm")


def main() -> None:
    metrics, folder, candidates = sys.argv[1].split(","), Path(sys.argv[2]), list(map(Path, sys.argv[3:]))
    registry = Registry.load()
    runtime = Runtime(registry, default_home(), progress=Progress())
    context = make_context(folder / "step", home=runtime.home, assets={name: runtime.asset(name) for name in ASSETS})
    evaluator = registry.make("evaluator", "summarization-accuracy", {"metrics": metrics})
    for number, rows in enumerate(candidates):
        with (folder / f"scores-{number}.jsonl").open("w", encoding="utf-8") as out:
            for score in evaluator.evaluate(context, _generations(rows)):
                if not isinstance(score, Scored):
                    raise SystemExit(f"not all were scored: {score}")
                out.write(json.dumps(dict(score.scores)) + "\n")
    print(json.dumps(dict(evaluator.provenance(context))))


def _generations(rows: Path) -> Iterator[Generation]:
    with rows.open(encoding="utf-8") as lines:
        for index, line in enumerate(lines):
            row = json.loads(line)
            yield Generation(
                index, {"response": row["summary"]}, TextPrompt(row["instruction"], ""), Answer(row["model_output"])
            )


if __name__ == "__main__":
    main()
