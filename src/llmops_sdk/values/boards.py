"""All leaderboards of a run."""

from __future__ import annotations

from llmops_sdk.values.results import Leaderboard, Results


def all_boards(results: Results) -> tuple[Leaderboard, ...]:
    """Return the leaderboards of a run: one per dataset, and that of `retention` last."""
    return results.leaderboards if results.retention is None else (*results.leaderboards, results.retention)
