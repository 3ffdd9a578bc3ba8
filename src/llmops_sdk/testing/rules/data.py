"""Datasets, prompts and retrievers: splits that can be read, templates that can be rendered, the best texts for queries."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any, get_args

from llmops_sdk.data.rendering import check_template, prompt_only
from llmops_sdk.errors import DataError
from llmops_sdk.plugin.interfaces import DatasetSource, PromptSource
from llmops_sdk.testing.rules.trial import Trial, show
from llmops_sdk.values.data import DatasetSplits, Record, Split
from llmops_sdk.values.prompts import PromptTemplate
from llmops_sdk.values.serial import file_sha256, to_json

_TEXTS = (
    "the river floods the valley every spring",
    "",
    "a recipe for bread with flour, water and salt",
    "the river floods the valley every spring",
    "\u7279\u6b8a \u00e9t\u00e9 \U0001f600",
)
_QUERIES = ("the river in spring", "bread and salt", "", "zzzz", "the river in spring")
"""What is searched for; of the first, two texts fit equally well."""
_MOST_HITS = 3

_EMPTY: Record = {"instruction": "Name it.", "context": "", "response": ""}


def try_dataset(trial: Trial) -> Any:
    """Load the splits, read them, and return their hashes."""
    source = trial.make()
    if not isinstance(source, DatasetSource):
        trial.stop("card", f"its implementation is a {type(source).__name__}, not a DatasetSource")
    folder = trial.folder()
    context = trial.context(folder)
    with trial.rule("interface", "fingerprint"):
        fingerprint = source.fingerprint(context)
    with trial.rule("interface", "preview"):
        first = source.preview()
    if first is not None:
        trial.as_json("the record of preview", dict(first), dict)
    if any(folder.iterdir()):
        trial.broken("own-folder", "fingerprint or preview wrote into the context's folder: only load may")
    with trial.rule("interface", "load"):
        splits = source.load(context)
    if not isinstance(splits, DatasetSplits):
        trial.stop("interface", f"load returned {show(splits)}, no DatasetSplits")
    tested = _check_split(trial, splits.test, folder, "test")
    trained = _check_split(trial, splits.train, folder, "train")
    if not tested:
        trial.broken("interface", "the test split has no records")
    if both := tested & trained:
        trial.broken("interface", f"{len(both)} records are in both splits")
    return {
        "fingerprint": fingerprint,
        "train": splits.train.sha256,
        "test": splits.test.sha256,
        "first record": next(iter(splits.test), None),
    }


def _check_split(trial: Trial, split: Split, folder: Path, name: str) -> set[bytes]:
    """Read a split as the steps do, and return the hashes of its records."""
    path = Path(split.path)
    if not path.resolve().is_relative_to(folder.resolve()):
        trial.broken("own-folder", f"the {name} split is in {str(path)!r}, not below context.folder")
    hashes = set()
    lines = 0
    with trial.rule("interface", f"the {name} split cannot be read"), path.open("rb") as file:
        for line in file:
            record = json.loads(line, parse_constant=partial(_no_number, trial, f"{name} record {lines}"))
            if not isinstance(record, dict):
                trial.broken("interface", f"{name} record {lines} is {show(record)}, no object")
            hashes.add(hashlib.sha256(line.strip()).digest())
            lines += 1
    trial.keep("numbers")
    if lines != split.records:
        trial.broken("interface", f"the {name} split has {lines} lines, and records={split.records}")
    if file_sha256(path) != split.sha256:
        trial.broken("interface", f"sha256 of the {name} split is not that of its file")
    return hashes


def _no_number(trial: Trial, which: str, text: str) -> None:
    trial.broken("numbers", f"{which} has {text}")


def try_prompt(trial: Trial) -> Any:
    """Read the template, render records with it, and return it."""
    source = trial.make()
    if not isinstance(source, PromptSource):
        trial.stop("card", f"its implementation is a {type(source).__name__}, not a PromptSource")
    with trial.rule("interface", "template"):
        template = source.template()
        if not isinstance(template, get_args(PromptTemplate)):
            trial.stop("interface", f"template returned {show(template)}, no PromptTemplate")
        check_template(template, trial.card.name)
    trial.as_json("the template", template, PromptTemplate)
    rendered = []
    for record in (*trial.inputs.records, _EMPTY):
        rule = "empty-input" if record is _EMPTY else "interface"
        with trial.rule(rule, f"rendering {show(dict(record))}"):
            try:
                rendered.append(to_json(prompt_only(template, record)))
            except DataError as exc:
                if rule == "interface":
                    trial.stop("inputs", f"{exc}; records= gives others")
    return {"template": to_json(template), "rendered": rendered}


def try_retriever(trial: Trial) -> Any:
    """Search few texts for usual and unusual queries; return the hits."""
    from llmops_sdk.steps.retrieval.retriever import Hit, Retriever

    retriever = trial.make()
    if not isinstance(retriever, Retriever):
        trial.stop("card", f"its implementation is a {type(retriever).__name__}, not a Retriever")
    with trial.rule("interface", "search"):
        results = [list(hits) for hits in retriever.search(trial.context(), _TEXTS, iter(_QUERIES), _MOST_HITS)]
    if len(results) != len(_QUERIES):
        trial.stop("interface", f"search yielded {len(results)} lists of hits for {len(_QUERIES)} queries")
    for query, hits in zip(_QUERIES, results, strict=True):
        if not all(isinstance(hit, Hit) for hit in hits):
            trial.stop("interface", f"search yielded {show(hits)}, no list of Hit")
        places = [hit.place for hit in hits]
        is_valid = len(set(places)) == len(places) <= _MOST_HITS and all(0 <= place < len(_TEXTS) for place in places)
        if not is_valid:
            trial.broken(
                "interface", f"search found the places {places} of {len(_TEXTS)} texts, at most {_MOST_HITS} asked"
            )
        if hits != sorted(hits, key=lambda hit: (-hit.score, hit.place)):
            trial.broken("interface", f"the hits for {query!r} are not in the order of their scores: {show(hits)}")
        trial.finite(f"the hits for {query!r}", {str(hit.place): hit.score for hit in hits})
    if results[0] != results[-1]:
        trial.broken("seed", f"the hits for {_QUERIES[0]!r} were {show(results[0])}, then {show(results[-1])}")
    trial.keep("interface", "seed")
    return [[[hit.place, hit.score] for hit in hits] for hits in results]
