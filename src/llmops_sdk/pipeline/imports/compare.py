"""`compare`: results that exist already, of other tools and of finished runs, as a run with a verdict."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.pipeline.execution import execute_run, make_executor, open_runtime
from llmops_sdk.pipeline.imports.entries import Boards, Entry, arrange
from llmops_sdk.pipeline.imports.importers import Importers
from llmops_sdk.pipeline.imports.metrics import Chosen, choose_metrics
from llmops_sdk.pipeline.imports.normal_form import NormalForm, write_normal_form
from llmops_sdk.pipeline.imports.own_runs import read_run
from llmops_sdk.pipeline.imports.pairing import RowTable, concerns, declared_as, is_allowed
from llmops_sdk.pipeline.imports.sources import RunSource, Source, find_source
from llmops_sdk.pipeline.imports.specification import Decision, make_specification
from llmops_sdk.pipeline.imports.unpaired import UNPAIRED, find_caveats
from llmops_sdk.pipeline.pipeline import Pipeline
from llmops_sdk.pipeline.result import Result
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.progress import Progress
from llmops_sdk.record.artifacts import read_artifact, write_artifact
from llmops_sdk.record.layout import SPECIFICATION, ArtifactLayout
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.marks import mark_file
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.values.imports import ImportedResults
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.serial import digest, file_sha256

_ID, _GROUP, _SCORE = "id", "group", "score"
_SHOWN_KEYS = 3


@attrs.frozen
class ImportedFiles:
    """The value of an artifact with the files of a comparison.

    Attributes:
        sha256: File name to its hash.
    """

    sha256: Mapping[str, str]


def compare(  # noqa: PLR0913 - what a user may say of others' files
    sources: Sequence[str | Path],
    *,
    metric: str = "",
    baseline: str = "",
    margin: float | None = None,
    weights: Mapping[str, float] | None = None,
    options: Mapping[str, Any] | None = None,
    importer: str = "",
    higher_is_better: Mapping[str, bool] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    allow_different: Sequence[str] = (),
    name: str = "compare",
    store: Store | Path | str = DEFAULT_STORE,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Compare results that exist already, and return the verdict; creates a run like any other.

    The records that all candidates have are compared; rows without a partner are counted, listed in `unpaired.jsonl` of
    the run, and left out.

    Args:
        sources: Files and folders of other tools, finished runs (`RUN`, or `RUN:CANDIDATE`), each also as `NAME=...`.
        metric: The metric that decides; by default the first that all have.
        baseline: A candidate that the others must not be worse than.
        margin: The difference from it that does not matter, in the metric's unit.
        weights: The name of each dataset to how much it counts, for a verdict over all datasets.
        options: Options of the importers by name, such as `id`, `score` and `group`; each importer gets those that it has.
        importer: The importer that reads all files; by default the one that recognizes each file.
        higher_is_better: Metric to whether more of it is better, where the files do not show it.
        bounds: Metric to the smallest and the largest score that a record can have, where the files do not show them.
        allow_different: What may differ under one key: `prompt`, `target`, `grader`, `generation`, ...
        name: What the run's ID starts with.
        store: Where runs are stored: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.
        offline: Whether the network must not be used.
        progress: Where progress is shown; by default the terminal.
        registry: The plugins; by default the installed ones.

    Raises:
        DataError: A file cannot be used, no record or no metric is in all sources, or what must agree differs.
        SpecError: A name or an option is wrong.
        RunNotFoundError: There is no such run, or it is not finished.
    """
    if not sources:
        message = "name what to compare: files of results, or finished runs"
        raise SpecError(message)
    registry = registry or Registry.load()
    opened = store if isinstance(store, Store) else open_store(str(store), registry, offline=offline)
    known = _known_metrics(higher_is_better or {}, bounds or {})
    reader = Importers(registry, importer, _lists(options or {}))
    read_from = [find_source(text, opened, registry) for text in sources]
    with open_runtime(registry, offline=offline, progress=progress) as runtime:
        with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
            comparison = _Comparison(
                sources=read_from, reader=reader, runtime=runtime, folder=Path(folder), allowed=tuple(allow_different)
            )
            run = _create_run(
                comparison,
                opened,
                Decision(
                    name=name,
                    metric=metric,
                    baseline=baseline,
                    margin=margin,
                    weights=dict(weights or {}),
                    metrics=known,
                ),
            )
        return execute_run(run, make_executor(run.plan, registry), runtime)


@attrs.frozen(kw_only=True)
class _Comparison:
    """The sources, and what reads them.

    Attributes:
        sources: The sources.
        reader: The importers.
        runtime: The plugins, cache and progress.
        folder: A folder for temporary files.
        allowed: The names of what may differ under one key.
    """

    sources: Sequence[Source]
    reader: Importers
    runtime: Runtime
    folder: Path
    allowed: Sequence[str]

    def results(self, source: Source) -> Iterator[ImportedResults]:
        """Yield what a source has."""
        if isinstance(source, RunSource):
            own = {name: str(self.reader.options.get(name) or "") for name in (_ID, _GROUP)}
            self.reader.used |= {name for name, value in own.items() if value}
            return read_run(source, own[_ID], own[_GROUP])
        context = self.runtime.context(
            run_id="none", step="import", folder=self.folder, log=logging.getLogger("llmops.import")
        )
        return self.reader.read(source.path, context)


def _create_run(comparison: _Comparison, store: Store, decision: Decision) -> Run:
    """Read the sources, write their normal form into the store, and create the run over it."""
    runtime = comparison.runtime
    table = RowTable(comparison.folder / "rows.sqlite")
    try:
        entries, declared = _read(comparison, table)
        comparison.reader.check_used("`llmops plugins importer` lists those of each importer")
        chosen = choose_metrics(arrange(entries), declared, decision.metric, decision.metrics)
        declared_differences = _check_entries(chosen, comparison.allowed)
        for line in (*chosen.boards.left_out, *chosen.notes):
            runtime.progress.log(line)
        files = write_normal_form(comparison.folder, chosen.boards, table, chosen.metrics, comparison.allowed)
        _check_records(chosen.boards, files, table)
        caveats = find_caveats(chosen.boards, files, table, declared_differences, comparison.folder / UNPAIRED)
    finally:
        table.close()
    hashes = {
        path.name: file_sha256(path) for path in (*(board.path for board in files.boards), *files.answers.values())
    }
    address = f"imports/{digest(hashes)}"
    place = _place(store, address, runtime)
    pipeline = Pipeline(make_specification(chosen, files, place, caveats, decision))
    plan = pipeline.build(runtime.registry, offline=True)
    _keep(store, address, comparison.folder, hashes, place)
    has_unpaired = (comparison.folder / UNPAIRED).exists()
    listed = {"rows without a partner": f"all of them are listed in {UNPAIRED} of the run"} if has_unpaired else {}
    run = Run.create(store, plan, details={**_details(chosen.boards), **listed})
    marks = {name: mark_file(comparison.folder / name, sha256) for name, sha256 in hashes.items()}
    write_artifact(store, address, run.id, ImportedFiles(hashes), marks)
    run.put(SPECIFICATION, pipeline.to_yaml().encode())
    if has_unpaired:
        run.put(UNPAIRED, (comparison.folder / UNPAIRED).read_bytes())
        runtime.progress.log(f"all rows without a partner: {run.locate(UNPAIRED)}")
    return run


def _read(comparison: _Comparison, table: RowTable) -> tuple[list[Entry], dict[int, Sequence[Metric]]]:
    """Read all sources into the table; return their entries, and the metrics that each declares."""
    entries: list[Entry] = []
    declared: dict[int, Sequence[Metric]] = {}
    for number, source in enumerate(comparison.sources):
        with comparison.runtime.progress.task(f"reading {source.label}", unit="rows") as task:
            for results in comparison.results(source):
                entry = Entry(
                    number=len(entries),
                    source=number,
                    source_label=source.label,
                    source_name=source.usual_name,
                    given_name=source.name,
                    candidate=results.candidate,
                    dataset=results.dataset,
                    must_agree=results.must_agree,
                    details=results.details,
                    has_outputs=results.has_outputs,
                )
                declared[entry.number] = results.metrics
                table.add(entry, results.rows, task.advance)
                if not entry.rows:
                    message = f"{source.label} has no rows of {entry.candidate!r} on {entry.dataset!r}"
                    raise DataError(message)
                entries.append(entry)
        if not entries or entries[-1].source != number:
            message = f"{source.label} has no results"
            raise DataError(message)
    return entries, declared


def _check_entries(chosen: Chosen, allowed: Sequence[str]) -> dict[str, list[str]]:
    """Refuse entries of a dataset whose graders, generation options or versions differ, unless that is declared.

    Returns:
        Dataset name to what differs, as declared.
    """
    metrics = {metric.name for metric in chosen.metrics}
    declared: dict[str, list[str]] = {}
    for dataset, entries in chosen.boards.entries.items():
        seen: dict[str, tuple[str, Entry]] = {}
        for entry in entries:
            for name, value in entry.must_agree.items():
                first, other = seen.setdefault(name, (value, entry))
                if value == first or not concerns(name, metrics):
                    continue
                if not is_allowed(name, allowed):
                    message = (
                        f"the {name} of {other.label} and {entry.label} differs: {first!r} and {value!r}; if that is meant, "
                        f"declare it: --allow-different {declared_as(name)}"
                    )
                    raise DataError(message)
                declared.setdefault(dataset, []).append(name)
    return {dataset: list(dict.fromkeys(names)) for dataset, names in declared.items()}


def _check_records(boards: Boards, files: NormalForm, table: RowTable) -> None:
    for board in files.boards:
        if board.records:
            continue
        entries = boards.entries[board.name]
        keys = "; ".join(
            f"{entry.label} has {', '.join(map(repr, table.sample_keys(entry, _SHOWN_KEYS)))}"
            for entry in entries[:_SHOWN_KEYS]
        )
        message = (
            f"no record is in all sources, by what pairs them: {keys}; name the field with a common ID with --id NAME"
        )
        raise DataError(message)


def _details(boards: Boards) -> dict[str, str]:
    """Return what the run's metadata keep: where each candidate comes from."""
    details: dict[str, list[str]] = {}
    for entries in boards.entries.values():
        for entry in entries:
            known = ", ".join(f"{name} {value}" for name, value in entry.details.items())
            texts = "" if entry.has_outputs else ", without texts"
            text = f"{entry.source_label}, {entry.rows} rows of {entry.candidate!r} on {entry.dataset!r}{texts}"
            details.setdefault(f"candidate {entry.name}", []).append(f"{text} ({known})" if known else text)
    return {name: "; ".join(texts) for name, texts in details.items()}


def _place(store: Store, address: str, runtime: Runtime) -> Path:
    """Return the folder of this machine with the files of an artifact: that of the store, or a copy in the cache."""
    root = store.root if isinstance(store, LocalStore) else runtime.home
    return root / ArtifactLayout(address).prefix


def _keep(store: Store, address: str, folder: Path, hashes: Mapping[str, str], place: Path) -> None:
    """Put the files into the store, unless it has them."""
    layout = ArtifactLayout(address)
    with store.claim(layout.prefix):
        if read_artifact(store, address) is None:
            with tempfile.TemporaryDirectory(prefix="llmops-", dir=folder) as files:
                for name in hashes:
                    shutil.copyfile(folder / name, Path(files) / name)
                store.upload(Path(files), layout.prefix)
        if not isinstance(store, LocalStore):
            place.mkdir(parents=True, exist_ok=True)
            store.download(layout.prefix, place)


def _known_metrics(directions: Mapping[str, bool], bounds: Mapping[str, tuple[float, float]]) -> dict[str, Metric]:
    """Return what the user says of metrics, by their names."""
    try:
        return {
            name: Metric(name, higher_is_better=directions.get(name), bounds=bounds.get(name))
            for name in {**directions, **bounds}
        }
    except ValueError as exc:
        raise SpecError(str(exc)) from exc


def _lists(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as JSON: tuples as lists, and a single field with scores as a list of one."""
    return {
        name: [value]
        if name == _SCORE and isinstance(value, str)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in options.items()
    }
