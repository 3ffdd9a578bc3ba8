"""What a candidate must not be worse than: another candidate of its run, or a baseline file that fits the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_sdk.errors import DataError, SpecError, did_you_mean
from llmops_sdk.gate.baseline import WRITE_AGAIN, Baseline, read_baseline
from llmops_sdk.gate.evidence import DatasetEvidence, RunEvidence
from llmops_sdk.gate.identity import DATA, DECLARABLE, find_differences, identify
from llmops_sdk.gate.words import listed
from llmops_sdk.verdict.table import MetricColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMED = 6


@attrs.frozen(eq=False)
class Reference:
    """The scores that a candidate must not be worse than.

    Attributes:
        name: What messages call it.
        column: The scores, of the records in `places` alone.
        places: The places of the records that both have among the records of the run.
        candidate: The candidate of the run that it is; empty for a file.
    """

    name: str
    column: MetricColumn
    places: NDArray[Any]
    candidate: str = ""


@attrs.define
class References:
    """Finds references, and reads each file once.

    Attributes:
        evidence: The run.
        candidate: The candidate that is judged.
        folder: The folder that paths are relative to.
        override: The file to read in place of those that conditions name; None for none.
        varies: What may differ from a baseline: some of `DECLARABLE`.
        notes: What differs and is declared, in words.
    """

    evidence: RunEvidence
    candidate: str
    folder: Path
    override: Path | None = None
    varies: tuple[str, ...] = ()
    notes: dict[str, None] = attrs.field(factory=dict)
    _read: dict[Path, Baseline] = attrs.field(factory=dict)

    def find(self, evidence: DatasetEvidence, named: str, metric: str) -> Reference:
        """Return the scores that a condition names, on one dataset.

        Args:
            evidence: The dataset.
            named: A candidate of the run, or a file.
            metric: The metric.

        Raises:
            UserError: There is none, or it does not fit the run; the message names what differs.
        """
        import numpy as np

        if named not in self.evidence.candidates:
            return self._of_file(evidence, self.path(named), metric)
        if named == self.candidate:
            message = f"candidate {named!r} is what it must not be worse than: name another one with --candidate"
            raise SpecError(message)
        column = evidence.columns.get(named)
        if column is None or metric not in column.scores:
            reason = self.evidence.failures.get((evidence.dataset, named), f"it has no {metric}")
            message = f"candidate {named!r} has no scores to compare with on {evidence.dataset!r}: {reason}"
            raise DataError(message)
        return Reference(named, column.scores[metric], np.arange(len(evidence.hashes)), named)

    def path(self, named: str) -> Path:
        """Return the path of a baseline file."""
        return self.override or self.folder / named

    def _of_file(self, evidence: DatasetEvidence, path: Path, metric: str) -> Reference:
        import numpy as np

        baseline, shown = self._baseline(path), repr(path.name)
        if metric not in baseline.metrics:
            message = (
                f"the baseline {shown} has no scores of {metric!r}, only of {listed(baseline.metrics)}; {WRITE_AGAIN}"
            )
            raise DataError(message)
        if evidence.dataset not in baseline.datasets:
            known = listed([repr(name) for name in sorted(baseline.datasets)])
            message = f"the baseline {shown} has no scores on {evidence.dataset!r}, only on {known}; {WRITE_AGAIN}"
            raise DataError(message)
        self._check_same(baseline, evidence, metric, shown)
        records = baseline.datasets[evidence.dataset]
        places = np.array([place for place, name in enumerate(evidence.hashes) if name in records], dtype=np.intp)
        if not places.size:
            message = f"the baseline {shown} and the run have no record of {evidence.dataset!r} in common"
            raise DataError(message)
        column = baseline.column(evidence.dataset, metric, [evidence.hashes[place] for place in places])
        return Reference(f"{path.name} ({baseline.candidate})", column, places)

    def _baseline(self, path: Path) -> Baseline:
        """Return a baseline; a name without a suffix may be a candidate that is misspelled."""
        if path not in self._read:
            if not path.suffix and not path.exists():
                hint = did_you_mean(path.name, self.evidence.candidates)
                message = f"run {self.evidence.run.id!r} has no candidate {path.name!r}{hint}, and there is no file {str(path)!r}"
                raise DataError(message)
            self._read[path] = read_baseline(path)
        return self._read[path]

    def _check_same(self, baseline: Baseline, evidence: DatasetEvidence, metric: str, shown: str) -> None:
        """Refuse what differs and is not declared; keep notes of what is declared."""
        now = identify(self.evidence, self.candidate, {metric})
        differences = [*self._data_differences(baseline, evidence), *find_differences(baseline.identity, now, metric)]
        self.notes |= dict.fromkeys(
            f"The baseline {shown} differs in {text}." for kind, text in differences if kind in self.varies
        )
        refused = [(kind, text) for kind, text in differences if kind not in self.varies]
        if not refused:
            return
        kinds = [kind for kind in DECLARABLE if kind in {kind for kind, _ in refused}]
        texts = [text for _, text in refused]
        if len(texts) > _MOST_NAMED:
            texts = [*texts[:_MOST_NAMED], f"{len(texts) - _MOST_NAMED} more"]
        message = (
            f"the run cannot be compared with the baseline {shown}: what differs is {listed(texts)}; write the baseline again"
            f" with llmops gate RUN --update, or declare it in the gate: varies: [{', '.join(kinds)}]"
        )
        raise DataError(message)

    @staticmethod
    def _data_differences(baseline: Baseline, evidence: DatasetEvidence) -> Sequence[tuple[str, str]]:
        then, now = baseline.datasets[evidence.dataset].keys(), set(evidence.hashes)
        gone, added = len(then - now), len(now - then)
        if not gone and not added:
            return []
        counts = [f"{gone:,} of its {len(then):,} are gone"] if gone else []
        counts += [f"{added:,} of {len(now):,} are new"] if added else []
        return [(DATA, f"the records of {evidence.dataset!r} ({listed(counts)})")]
