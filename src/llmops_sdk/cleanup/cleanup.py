"""`Cleanup`: what was freed, or would be, as users get it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from llmops_sdk.cleanup.decide import Decision
from llmops_sdk.cleanup.weight import freed_bytes


@attrs.frozen(kw_only=True)
class Cleanup:
    """What `clean` frees in a store.

    Attributes:
        is_done: Whether it was freed; False after a dry run.
        size: The bytes that this frees.
        remaining: The bytes that the store has afterwards.
        runs: The runs that are freed, the oldest first, each with the reason.
        kept: The chosen runs that are not freed, each with the reason.
        artifacts: The number of artifacts that are freed, by their kind.
        artifact_sizes: Their bytes, by their kind; what they share with files that stay is not counted.
        plans: The number of plans that are freed.
        leftovers: The number of runs that are gone, and of which some files are left.
        restored: The number of artifacts that a run needs, and over which an earlier `clean` was stopped: they are put back.
        notes: What keeps more from being freed.
        is_complete: Whether everything was freed that was asked for: each named run, and enough to reach the size.
    """

    is_done: bool
    size: int
    remaining: int
    runs: Mapping[str, str]
    kept: Mapping[str, str]
    artifacts: Mapping[str, int]
    artifact_sizes: Mapping[str, int]
    plans: int
    leftovers: int
    restored: int
    notes: tuple[str, ...]
    is_complete: bool

    @classmethod
    def of(cls, decision: Decision, *, max_size: int | None = None, freed: int | None = None) -> Cleanup:
        """Return what a decision frees.

        Args:
            decision: The decision.
            max_size: The size that the store should get down to.
            freed: The bytes that were freed, once it is done.
        """
        artifacts = decision.artifacts
        kinds = sorted({artifact.kind for artifact in artifacts})
        remaining = decision.remaining
        return cls(
            is_done=freed is not None,
            size=decision.size if freed is None else freed,
            remaining=remaining,
            runs={candidate.run.id: candidate.reason for candidate in decision.runs},
            kept={kept.run: kept.reason for kept in decision.kept},
            artifacts=dict(Counter(artifact.kind for artifact in artifacts)),
            artifact_sizes={
                kind: freed_bytes(artifact.weight for artifact in artifacts if artifact.kind == kind) for kind in kinds
            },
            plans=len(decision.plans),
            leftovers=len(decision.remnants),
            restored=len(decision.restored),
            notes=decision.notes,
            is_complete=not any(kept.is_named for kept in decision.kept)
            and (max_size is None or remaining <= max_size),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.runs or self.artifacts or self.plans or self.leftovers or self.restored)
