"""The records of a dataset with what a prompt retrieves for each of them: one more data artifact of the `prepare` step.

It is found once, on the user's machine, and hashed: the steps that train and ask read the records, and need neither an
index nor the documents.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.near_duplicates import input_text
from llmops_sdk.data.retrieval.copies import split_words
from llmops_sdk.data.retrieval.documents import check_enough, cut_words, read_documents
from llmops_sdk.data.retrieval.leaks import copied_documents, copied_records
from llmops_sdk.errors import DataError
from llmops_sdk.steps.execution import BuiltArtifact, StepExecution
from llmops_sdk.steps.retrieval.queries import Queries
from llmops_sdk.steps.retrieval.retriever import Hit, Retriever
from llmops_sdk.values.data import DatasetSplits, Record, Split
from llmops_sdk.values.plan import Component
from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.retrieval import FIXED, PASSAGES, RETRIEVED_FIELD, Example, Passage, Retrieval, Retrieved
from llmops_sdk.values.serial import canonical, digest, file_sha256, to_json

RULES = "near-duplicates left out, 1"
"""What is retrieved, and how it is written; what other rules found is found again."""

_DIGITS = 3


@attrs.frozen
class RetrievedData:
    """The prepared records of one dataset for one prompt.

    Attributes:
        built: The artifact.
        inputs: What decided it, by what messages call it, with its hash.
    """

    built: BuiltArtifact
    inputs: dict[str, str]


def prepare_retrieved(
    execution: StepExecution, prompt: PlannedPrompt, splits: DatasetSplits, data: str, *, dataset: str, trains: bool
) -> RetrievedData:
    """Return the records with what a prompt retrieves, and make them unless the store has them.

    Args:
        execution: The `prepare` step.
        prompt: A prompt that retrieves.
        splits: The dataset's splits.
        data: The address of their artifact.
        dataset: Its name.
        trains: Whether a model is fine-tuned with the prompt: its training records then have examples and passages too.

    Raises:
        DataError: There are fewer documents or train records than each record is to get, or a document cannot be used.
    """
    parts: dict[str, str] = {}
    for name, retrieval in (("examples", prompt.examples), ("passages", prompt.retrieve)):
        if retrieval is not None:
            parts |= _parts(execution, retrieval, f"the {name} of prompt {prompt.name!r}")
    address = f"data/{digest(RULES, data, trains, sorted(parts.items()))}"
    where = f"prompt {prompt.name!r} on dataset {dataset!r}"

    def write(folder: Path) -> DatasetSplits:
        try:
            return _write(execution, prompt, splits, folder, Queries(dataset, prompt.name), trains=trains)
        except DataError as exc:
            message = f"{where}: {exc}"
            raise DataError(message) from exc

    return RetrievedData(execution.build_artifact(address, write), parts)


def _parts(execution: StepExecution, retrieval: Retrieval, name: str) -> dict[str, str]:
    parts = {f"how {name} are found": retrieval.key}
    if retrieval.documents:
        parts[f"the documents for {name}"] = _documents_sha256(retrieval.documents)
    if retrieval.by != FIXED:
        component = _component(retrieval)
        retriever: Retriever = execution.runtime.registry.make("retriever", component.use, component.options)
        context = execution.context("retriever", component.use, execution.runtime.home)
        key = execution.key_of("retriever", component)
        parts[f"the retriever of {name}"] = digest(key, retriever.fingerprint(context))
    return parts


def _documents_sha256(path: str) -> str:
    try:
        return file_sha256(Path(path))
    except OSError as exc:
        message = f"the document file {path!r} cannot be read: {(exc.strerror or str(exc)).lower()}"
        raise DataError(message) from exc


def _component(retrieval: Retrieval) -> Component:
    return Component(retrieval.by, retrieval.by, retrieval.options, retrieval.retriever_key)


def _write(
    execution: StepExecution,
    prompt: PlannedPrompt,
    splits: DatasetSplits,
    folder: Path,
    queries: Queries,
    *,
    trains: bool,
) -> DatasetSplits:
    passages = _Passages.of(execution, prompt.retrieve, splits.test, folder) if prompt.retrieve else None
    examples = _Examples.of(execution, prompt.examples, splits, folder) if prompt.examples else None
    sources = [each for each in (passages, examples) if each is not None]
    test = _write_split(splits.test, folder / "test.jsonl", sources, queries.of("test"))
    summary = {each.name: each.describe() for each in sources}
    if trains:
        train = _write_split(splits.train, folder / "train.jsonl", sources, queries.of("train"))
    else:
        train = Split(folder / "train.jsonl", 0, hashlib.sha256().hexdigest())
        train.path.touch()
    return attrs.evolve(
        splits,
        train=attrs.evolve(train, path=train.path.relative_to(folder)),
        test=attrs.evolve(test, path=test.path.relative_to(folder)),
        retrieved=summary,
    )


def _write_split(split: Split, path: Path, sources: Sequence[_Source], queries: Queries) -> Split:
    """Write the records of a split with what was found for each."""
    streams = [source.find(split, queries) for source in sources]
    reserved = {RETRIEVED_FIELD, *(PASSAGES for source in sources if source.name == PASSAGES)}
    written, content = hashlib.sha256(), hashlib.sha256()
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as out:
        for place, (record, *items) in enumerate(zip(split, *streams, strict=True)):
            for field in reserved & record.keys():
                message = f"{queries.split} record {place} has the field {field!r}, which retrieval writes: rename it"
                raise DataError(message)
            retrieved = Retrieved(**{source.name: each for source, each in zip(sources, items, strict=True)})
            line = json.dumps({**record, RETRIEVED_FIELD: to_json(retrieved)}, ensure_ascii=False).encode() + b"\n"
            out.write(line)
            written.update(line)
            content.update(canonical([record, _shown(retrieved)]) + b"\n")
    draft.replace(path)
    return Split(path, split.records, written.hexdigest(), content=content.hexdigest())


def _shown(retrieved: Retrieved) -> Any:
    """Return what a prompt shows of it: neither scores nor ids, which change with other documents."""
    return [
        [[passage.title, passage.text] for passage in retrieved.passages],
        [dict(example.record) for example in retrieved.examples],
    ]


@attrs.define
class _Source(ABC):
    """Where one kind of thing is found.

    Attributes:
        name: The field of `Retrieved`.
        execution: The step.
        retrieval: How it is found.
        folder: Where the retriever may write.
        texts: What is searched.
        left_out: The number of texts that are almost test records.
        got: The number of things that the test records got.
        records: The number of test records.
        fewer: Those that got fewer than they should.
    """

    name: str
    execution: StepExecution
    retrieval: Retrieval
    folder: Path
    texts: Sequence[str]
    left_out: int
    got: int = 0
    records: int = 0
    fewer: int = 0

    @abstractmethod
    def find(self, split: Split, queries: Queries) -> Iterator[tuple[Any, ...]]:
        """Yield what is found for each record."""

    def describe(self) -> str:
        """Return in words what the test records got."""
        mean = self.got / self.records if self.records else 0.0
        kind = "documents" if self.retrieval.documents else "train records"
        parts = [f"{mean:.3g} for each record on average, of {len(self.texts)} {kind}"]
        if self.fewer:
            parts.append(f"{self.fewer} of {self.records} records have fewer than {self.retrieval.k}")
        if self.left_out:
            parts.append(f"{self.left_out} almost test records left out")
        return "; ".join(parts)

    def count(self, queries: Queries, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Count what a record gets, of the test split."""
        if queries.split == "test":
            self.got += len(items)
            self.records += 1
            self.fewer += len(items) < self.retrieval.k
        return items

    def search(self, split: Split, queries: Queries, k: int) -> Iterator[Sequence[Hit]]:
        """Yield the hits for each record of a split."""
        component = _component(self.retrieval)
        retriever: Retriever = self.execution.runtime.registry.make("retriever", component.use, component.options)
        context = self.execution.context("retriever", component.use, self.folder)
        texts = queries.texts(split, self.retrieval.query)
        title = (
            f"{self.execution.step}: finding {self.name} for the {queries.split} records of prompt {queries.prompt!r}"
        )
        with self.execution.runtime.progress.task(title, split.records, "records") as task:
            for hits in retriever.search(context, self.texts, texts, k):
                task.advance()
                yield hits


@attrs.define
class _Passages(_Source):
    """Passages of documents.

    Attributes:
        passages: Those that may be retrieved, in the order of the texts, without a score.
    """

    passages: Sequence[Passage] = ()

    @classmethod
    def of(cls, execution: StepExecution, retrieval: Retrieval, test: Split, folder: Path) -> _Passages:
        """Read the documents, and leave out what must not be found."""
        documents = read_documents(Path(retrieval.documents))
        copies = copied_documents(documents, test)
        usable = [document for place, document in enumerate(documents) if place not in copies]
        check_enough(usable, retrieval.k, retrieval.documents, len(copies))
        passages = []
        for document in usable:
            text, of_words = cut_words(document.text, retrieval.words)
            passages.append(Passage(id=document.id, text=text, title=document.title, of_words=of_words))
        texts = [document.searched for document in usable]
        return cls("passages", execution, retrieval, folder, texts, len(copies), passages=passages)

    def find(self, split: Split, queries: Queries) -> Iterator[tuple[Passage, ...]]:
        """Yield the passages for each record."""
        for hits in self.search(split, queries, self.retrieval.k):
            scored = (attrs.evolve(self.passages[hit.place], score=round(hit.score, _DIGITS)) for hit in hits)
            yield self.count(queries, tuple(scored))

    def describe(self) -> str:
        """Return in words what the test records got, and what of it was cut."""
        cut = sum(passage.of_words > 0 for passage in self.passages)
        shortened = f"; {cut} of the documents are cut at {self.retrieval.words} words" if cut else ""
        return f"{super().describe()}{shortened}"


@attrs.define
class _Examples(_Source):
    """Examples from the train split.

    Attributes:
        pool: Those train records that may be examples, with their places.
    """

    pool: Sequence[tuple[int, Record]] = ()

    @classmethod
    def of(cls, execution: StepExecution, retrieval: Retrieval, splits: DatasetSplits, folder: Path) -> _Examples:
        """Read the train records, and leave out what must not be found."""
        records = list(splits.train)
        copies = copied_records(records, splits.test)
        pool = [(place, record) for place, record in enumerate(records) if place not in copies]
        if len(pool) < retrieval.k:
            others = f" ({len(copies)} more are almost test records, which are never examples)" if copies else ""
            message = (
                f"k is {retrieval.k}, and the train split has {len(pool)} records to take examples from{others}: lower k, or "
                "leave more records to the train split"
            )
            raise DataError(message)
        if retrieval.by == FIXED:
            pool.sort(key=lambda item: hashlib.sha256(f"{retrieval.seed} {item[0]}".encode()).digest())
        texts = Queries.searched(record for _, record in pool)
        return cls("examples", execution, retrieval, folder, texts, len(copies), pool=pool)

    def find(self, split: Split, queries: Queries) -> Iterator[tuple[Example, ...]]:
        """Yield the examples for each record; no train record, nor one with the same input, is its own example."""
        trains, is_fixed = queries.split == "train", self.retrieval.by == FIXED
        inputs = [_letters(text) for text in self.texts]
        most = min(self.retrieval.k + trains * max(Counter(inputs).values()), len(self.pool))
        fixed = [Hit(place, 0.0) for place in range(most)]
        hits_of_all: Iterable[Sequence[Hit]] = (
            ([fixed] * split.records) if is_fixed else self.search(split, queries, most)
        )
        for own, hits in zip(split, hits_of_all, strict=True):
            own_input = _letters(input_text(own)) if trains else None
            examples = []
            for hit in hits:
                if inputs[hit.place] == own_input:
                    continue
                place, record = self.pool[hit.place]
                score = None if is_fixed else round(hit.score, _DIGITS)
                examples.append(Example(place=place, record=record, score=score))
            yield self.count(queries, tuple(reversed(examples[: self.retrieval.k])))


def _letters(text: str) -> str:
    """Return the letters and digits of a text, which copies with another case or punctuation share."""
    return "".join(split_words(text))
