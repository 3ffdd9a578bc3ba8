"""A finished run as the report sees it, made up but of a real one's shape: texts, scores, curves, failures.

The scores are really computed from the texts, by plain word overlap, and the intervals are real bootstrap intervals.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import attrs
import numpy as np

from llmops_sdk.report.data import DatasetInfo, ReportData, StepInfo
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.estimates import Difference, Estimate
from llmops_sdk.values.models import BaseModel, TrainedModel, TrainingPoint
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.results import CellResult, EvaluatorInfo, FailedCell, Leaderboard, Results, Speed, Verdict
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.scores import Metric

METRICS = (Metric("meteor", "METEOR"), Metric("rougeL", "ROUGE-L"), Metric("bertscore", "BERTScore"))
HOSTILE = (
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "<!--<script>",
    "]]><svg onload=alert(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 line\u2028separator\u2029paragraph",
    "bell\x07 escape\x1b[31m null\x00 delete\x7f",
    "lone \ud800 surrogate",
    "x" * 20_000,
    "word " * 9_000,
)
"""What models and datasets may write."""

_ALPACA = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n### Response:\n"
)
_PLAIN = "{context}\n\n{instruction}\n"
_ASKED = (
    ("Summarize the passage in one sentence.", (0,)),
    ("What are the main points of this text? Answer in two sentences.", (0, 2)),
    ("Explain in a few words why it matters.", (3,)),
    ("Give me a short summary for somebody who has not read it.", (0, 1, 3)),
)
_PASSAGES = (
    (
        "Salt marshes grow where rivers slow down and meet the tide. Their grasses trap mud, and the ground rises with the "
        "sea. A marsh can store several times more carbon per hectare than a forest. Where marshes were drained for pasture, "
        "storms now reach villages that had been safe for centuries."
    ),
    (
        "The first railway timetables were printed by private publishers, not by the railways. Each town still kept its own "
        "solar time, so a traveller going west gained minutes at every stop. Railway time spread from the stations to the "
        "church clocks within twenty years. A single time for a whole country was made into law only long after everybody "
        "used it."
    ),
    (
        "Sourdough rises because wild yeasts and bacteria live together in the starter. The bacteria make the dough sour, "
        "which keeps most moulds away. Bakers feed the starter with flour and water once or twice a day. A starter that is "
        "fed well can be kept for decades and handed on to other bakers."
    ),
    (
        "Octopuses have most of their nerve cells in their arms. Each arm can taste, touch and decide a good deal on its own. "
        "The brain sends short orders and leaves the details to the arms. This makes the animal interesting to engineers who "
        "build soft robots."
    ),
    (
        "A suspension bridge hangs its deck from cables that run over two towers. The cables pull on heavy blocks of concrete "
        "at both ends. Wind is a greater danger to a long bridge than weight. After a bridge in the state of Washington shook "
        "itself apart, new decks were tested in wind tunnels."
    ),
    (
        "Paper was made from rags until the middle of the nineteenth century. The rags ran short as more people learned to "
        "read. Wood pulp made paper cheap, but its acids turned pages brown within decades. Libraries now treat such books in "
        "bulk or copy them before they crumble."
    ),
    (
        "Glaciers flow because ice under pressure slowly changes its shape. The middle of a glacier moves faster than its "
        "edges. Stones frozen into the ice scratch the rock below and show where it once went. From these marks geologists "
        "drew the first maps of the ice age."
    ),
    (
        "A honey bee that finds a rich field of flowers dances on the comb. The angle of the dance tells the direction and its "
        "length tells the distance. Other bees follow the dancer in the dark and then fly out. Farmers watch the hives to learn "
        "which crops are in flower."
    ),
    (
        "Concrete gains most of its strength in the first month but goes on hardening for years. It resists pressure well and "
        "pulling badly, so steel bars are laid into it. When water reaches the steel, the rust pushes the concrete apart. Good "
        "cover over the bars decides how long a bridge lasts."
    ),
    (
        "Lighthouse keepers once wound a clockwork by hand every few hours to turn the lens. The lens was cut into rings, so "
        "that a small lamp could be seen for thirty kilometres. Every light had its own rhythm, by which sailors knew it. When "
        "the lamps became electric, the keepers left one after the other."
    ),
    (
        "Tea was first drunk as a medicine in the south of China. Monks carried the plants to Japan, where tea became part of "
        "a ceremony. Trading companies later brought it to Europe by ship. The taxes on it paid for a good part of the navy "
        "that protected the trade."
    ),
)


def records() -> list[dict[str, str]]:
    """Return 44 records: eleven passages, four questions each."""
    made = []
    for passage in _PASSAGES:
        sentences = _sentences(passage)
        for question, places in _ASKED:
            response = " ".join(sentences[place] for place in places)
            made.append(
                {"instruction": question, "context": passage, "response": response, "category": "summarization"}
            )
    return made


def report_data(candidates: Sequence[str] = ("tuned", "base", "tuned-plain")) -> ReportData:
    """Return the report of a run: candidates and one that failed, on 44 records, not all of them answered."""
    board = _board(records(), candidates)
    results = Results("summaries-20251124-091502-7f3a", "summaries", (board[0],), _evaluators())
    return ReportData(
        results=results,
        metadata={
            "run": results.run_id,
            "started": "2025-11-24 09:15 UTC",
            "duration": "7 min 47 s",
            "executor": "local",
            "machine": "Linux x86_64, 4 cores",
            "llmops-sdk": "0.1.0",
            "python": "3.11.9",
            "plan": "9d41f6b2c7e0",
            "plugins": "datasets 0.1.0, local 0.1.0, metrics 0.1.0, prompts 0.1.0",
        },
        specification=_SPECIFICATION,
        datasets=(
            DatasetInfo(
                "dolly",
                {"hub": "databricks/databricks-dolly-15k", "revision": "bdd27f4d94b9", "category": "summarization"},
                1188,
                44,
            ),
        ),
        prompts={"alpaca": _ALPACA, "plain": _PLAIN},
        generation={
            "max_new_tokens": "64",
            "temperature": "0",
            "top_p": "1",
            "seed": "0",
            "stop": "none beyond the prompt's own",
        },
        steps=_STEPS,
        samples=board[1],
    )


@cache
def wide_report_data(candidates: int = 10, repeats: int = 12) -> ReportData:
    """Return a large report: `candidates` candidates on 44 x `repeats` records."""
    board, once = _board(records(), tuple(f"candidate-{place}" for place in range(candidates)), failed=())
    size = len(records())
    samples = {
        cell: [_shifted(line, repeat * size) for repeat in range(repeats) for line in lines]
        for cell, lines in once.items()
    }
    cells = tuple(attrs.evolve(cell, records=size * repeats, answered=size * repeats) for cell in board.cells)
    board = attrs.evolve(board, cells=cells)
    return ReportData(results=Results("wide-20251124-101500-11aa", "wide", (board,), _evaluators()), samples=samples)


def _shifted(line: Sample, places: int) -> Sample:
    return attrs.evolve(line, outcome=attrs.evolve(line.outcome, index=line.index + places))


def one_cell(lines: list[Sample], **more: Any) -> ReportData:
    """Return the report of one candidate with such samples."""
    cell = cell_result("a", lines, **more)
    board = Leaderboard("dolly", "meteor", (cell,), (), (), Verdict("a", settled=False, tied=(), text="only one."))
    return ReportData(
        results=Results("r", "n", (board,), (EvaluatorInfo("e", METRICS, {}),)), samples={cell.cell: lines}
    )


def sample(
    index: int,
    record: Mapping[str, Any],
    output: str | None,
    *,
    prompt: str = "",
    error: str = "the endpoint does not answer",
    latency: float = 0.5,
    finish_reason: str = "stop",
    **more: Any,
) -> Sample:
    """Return a sample; without an output, one that was not answered."""
    answer = Answer(output or "", 100, 20, finish_reason, latency=latency)
    outcome: Outcome = Unanswered(index, error) if output is None else Answered(index, answer)
    return Sample(dict(record), TextPrompt(prompt), outcome, **more)


def cell_result(candidate: str, samples: Sequence[Sample], **more: Any) -> CellResult:
    """Return the cell that such samples come to."""
    names = dict.fromkeys(name for line in samples for name in line.scores)
    values = {name: [line.scores[name] for line in samples if name in line.scores] for name in names}
    answered = sum(line.answer is not None for line in samples)
    unscored = sum(bool(line.score_errors) for line in samples)
    fields = {
        "cell": f"{candidate}@dolly",
        "candidate": candidate,
        "model": candidate,
        "prompt": "alpaca",
        "fine_tuned": False,
        "records": len(samples),
        "answered": answered,
        "estimates": {name: estimate(numbers) for name, numbers in values.items()},
        "unscored": {"summarization-accuracy": unscored} if unscored else {},
        "speed": None,
        "training": None,
        "endpoint": {"device": "cpu", "dtype": "float32"},
    }
    return CellResult(**{**fields, **more})


def estimate(values: Sequence[float]) -> Estimate:
    """Return a mean with its bootstrap interval."""
    found = np.asarray(values, dtype=float)
    draws = np.random.default_rng(7).integers(0, len(found), (2000, len(found)))
    low, high = np.quantile(found[draws].mean(axis=1), (0.025, 0.975))
    return Estimate(float(found.mean()), float(low), float(high), len(found))


def differences(samples: Mapping[str, Sequence[Sample]], best: str) -> tuple[Difference, ...]:
    """Return the paired differences of all candidates to the best one, for every metric."""
    made = []
    for candidate in (name for name in samples if name != best):
        for metric in METRICS:
            pairs = [
                (own.scores[metric.name], top.scores[metric.name])
                for own, top in zip(samples[candidate], samples[best], strict=True)
                if metric.name in own.scores and metric.name in top.scores
            ]
            gaps = [own - top for own, top in pairs]
            made.append(
                Difference(
                    candidate, best, metric.name, estimate(gaps), sum(g > 0 for g in gaps), sum(g < 0 for g in gaps)
                )
            )
    return tuple(made)


def _board(
    rows: Sequence[Mapping[str, str]], names: Sequence[str], failed: Sequence[str] = ("llama-2-7b",)
) -> tuple[Leaderboard, dict[str, list[Sample]]]:
    lines = {name: _answers(rows, name, place) for place, name in enumerate(names)}
    cells = [
        cell_result(
            name,
            lines[name],
            model="smollm2" if name == "base" else name.removesuffix("-plain") if name.startswith("tuned") else name,
            prompt=_prompt_name(name),
            fine_tuned=name.startswith("tuned"),
            speed=Speed(8, 0.61 + 0.07 * place, 1.42 + 0.2 * place, 81.4 - 6 * place),
            training=_trained(place) if name.startswith("tuned") else None,
        )
        for place, name in enumerate(names)
    ]
    cells.sort(key=lambda cell: -cell.estimates["meteor"].mean)
    best = cells[0].candidate
    gaps = differences(lines, best)
    lost = tuple(FailedCell(f"{name}@dolly", name, f"train-{name}-alpaca-dolly", _ERROR) for name in failed)
    board = Leaderboard("dolly", "meteor", tuple(cells), lost, gaps, _verdict(cells, gaps, len(lost)))
    return board, {f"{name}@dolly": cell_lines for name, cell_lines in lines.items()}


def _verdict(cells: Sequence[CellResult], gaps: Sequence[Difference], lost: int) -> Verdict:
    """Conclude in sentences of the length that the real ones have."""
    best, top = cells[0].candidate, cells[0].estimates["meteor"]
    to_best = {gap.candidate: gap for gap in gaps if gap.metric == "meteor"}
    tied = tuple(cell.candidate for cell in cells[1:] if (to_best[cell.candidate].estimate.high or 0) >= 0)
    gap = to_best[cells[1].candidate]
    differs = f"{gap.candidate} differs by {gap.estimate.mean:+.3f} [{gap.estimate.low:+.3f}, {gap.estimate.high:+.3f}]"
    text = f"{best} has the best mean METEOR on dolly, {top.mean:.3f} [{top.low:.3f}, {top.high:.3f}]"
    if tied:
        names = " and ".join(tied)
        text += f". There is no significant difference from {names} on {top.records} records: {differs}, and the 95 % interval includes 0."
    else:
        text += f". It is significantly better than every other candidate: {differs} on the same {gap.estimate.records} records."
    return Verdict(best, not tied, tied, text + (f" {lost} candidate could not be evaluated." if lost else ""))


def _prompt_name(name: str) -> str:
    return "plain" if name.endswith("plain") else "alpaca"


def _answers(rows: Sequence[Mapping[str, str]], name: str, seed: int) -> list[Sample]:
    chance = random.Random(f"{name}{seed}")
    skill = 0.7 if name.startswith("tuned") else 0.35
    lines = []
    for index, row in enumerate(rows):
        template = _PLAIN if _prompt_name(name) == "plain" else _ALPACA
        prompt, output = template.format(**row), _written(row, chance, skill)
        latency = chance.lognormvariate(-0.5, 0.4)
        tokens = min(64, len(output) // 4)
        answer = Answer(output, len(prompt) // 4, tokens, "length" if tokens == 64 else "stop", latency=latency)
        outcome: Outcome = Answered(index, answer)
        scores, errors = _scores(output, row["response"]), {}
        if name == "base" and index in (5, 30):
            outcome, scores = Pending(index, "the endpoint answered 503 three times: model is loading"), {}
        if name == "base" and index == 17:
            outcome, scores = Answered(index, attrs.evolve(answer, output="")), {}
            errors = {"summarization-accuracy": "the output has no words to score"}
        lines.append(Sample(dict(row), TextPrompt(prompt), outcome, scores, errors))
    return lines


def _written(row: Mapping[str, str], chance: random.Random, skill: float) -> str:
    """Write what a small model would: the right sentences, some of them with others, or a copy of the input."""
    right, sentences = _sentences(row["response"]), _sentences(row["context"])
    if chance.random() > skill + 0.15:  # small base models copy their input, and say a sentence again and again
        start = chance.randrange(3)
        return " ".join(["The passage says:", *sentences[start:], sentences[-1], sentences[-1]][: 4 + 2 * start])
    if chance.random() < skill - 0.15:
        return " ".join(word for word in " ".join(right[:2]).split() if chance.random() < 0.9)
    return " ".join(chance.sample(sentences, k=chance.choice((1, 1, 2))))


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", text)


def _scores(output: str, reference: str) -> dict[str, float]:
    own, other = re.findall(r"\w+", output.lower()), re.findall(r"\w+", reference.lower())
    common = sum((Counter(own) & Counter(other)).values())
    overlap = 2 * common / (len(own) + len(other))
    longest = [0] * (len(other) + 1)
    for word in own:
        before = 0
        for place, known in enumerate(other):
            before, longest[place + 1] = (
                longest[place + 1],
                before + 1 if word == known else max(longest[place], longest[place + 1]),
            )
    rouge = 1.4 * longest[-1] / (len(own) + len(other))
    return {"meteor": 0.5 * common / len(other) * overlap**0.4, "rougeL": rouge, "bertscore": 0.55 + 0.3 * overlap**0.7}


def _trained(place: int) -> TrainedModel:
    chance = random.Random(place)
    points, tokens = [], 0
    for step in range(1, 104):
        tokens += chance.randrange(700, 1024)
        if place and step > 78:
            break
        loss = 1.72 + 0.04 * place + 0.42 * math.exp(-step / 14) + chance.gauss(0, 0.11)
        held = 1.71 + 0.03 * place + 0.22 * math.exp(-step / 22) if step % 20 == 0 or step == 103 else None
        points.append(TrainingPoint(step, tokens, step * 1.84, loss, held))
    curve = (TrainingPoint(0, 0, 0.0, None, 1.939), *points)
    return TrainedModel(
        format="huggingface",
        uri="model",
        base=BaseModel("huggingface", "smollm2-135m-instruct", "a1b2c3d"),
        metrics={
            "tokens_per_second": 481.2 - 30 * place,
            "rows": 1172,
            "rows_dropped": 16,
            "rows_held_out": 16,
            "trainable_parameters": 4_884_480,
        },
        curve=curve,
        truncated=bool(place),
    )


def _evaluators() -> tuple[EvaluatorInfo, ...]:
    provenance = {
        "METEOR": "nltk 3.10.4, WordNet 3.0 (sha256 5f31d2a8c1b4)",
        "ROUGE-L": "rouge-score 0.1.2 definitions, stemmed",
        "BERTScore": "microsoft/deberta-xlarge-mnli, layer 40 (sha256 9ac04e17d2f3)",
    }
    return (EvaluatorInfo("summarization-accuracy", METRICS, provenance),)


_ERROR = (
    "no quota for training job usage of 'ml.g5.2xlarge' in this account (0 instances); "
    "ask for it under Service Quotas, or set trainer.instance_type"
)
_STEPS = (
    StepInfo("prepare-dolly", "prepare", "cached", 0.004),
    StepInfo("train-tuned-alpaca-dolly", "train", "succeeded", 211.3),
    StepInfo("train-tuned-plain-dolly", "train", "succeeded", 150.6),
    StepInfo("train-llama-2-7b-alpaca-dolly", "train", "failed", 3.2, _ERROR),
    StepInfo("generate-base", "generate", "succeeded", 31.9),
    StepInfo("generate-tuned-alpaca-dolly", "generate", "succeeded", 28.4),
    StepInfo("generate-tuned-plain-dolly", "generate", "succeeded", 29.0),
    StepInfo(
        "generate-llama-2-7b-alpaca-dolly", "generate", "skipped", None, "train-llama-2-7b-alpaca-dolly failed earlier"
    ),
    StepInfo("score-base-dolly", "score", "succeeded", 4.1),
    StepInfo("score-tuned-dolly", "score", "succeeded", 4.4),
    StepInfo("score-tuned-plain-dolly", "score", "succeeded", 4.2),
    StepInfo("compare", "compare", "succeeded", 0.31),
)
_SPECIFICATION = """\
name: summaries
datasets:
  - {use: dolly, category: summarization, test_fraction: 0.1, seed: 42, max_test_records: 44}
prompts: [alpaca, plain]
models:
  - {use: smollm2, name: base, fine_tune: false}
  - {use: smollm2, name: tuned, trainer: {max_steps: 103}}
  - {use: llama-2-7b, accept_eula: true}
generation: {max_new_tokens: 64, temperature: 0}
evaluators: [{use: summarization-accuracy}]
executor: local
"""
