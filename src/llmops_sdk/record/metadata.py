"""What is known of a run when it is created: the value of `run.json`."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version

import attrs

RUN_SCHEMA = 2
"""The version of the record's form. Version 1 is read too: `record/schema1.py`."""


@attrs.frozen
class Place:
    """The place of a run among the runs of its store.

    Attributes:
        sequence: Its number: higher than that of every run before it.
        previous: The run of the same pipeline before it, or empty.
    """

    sequence: int = 0
    previous: str = ""


@attrs.frozen
class RunMetadata:
    """What a run is, and what created it.

    Attributes:
        run: The run's ID.
        name: The pipeline's name.
        plan: The hash of its plan.
        created: When it was created: ISO 8601, UTC, with milliseconds.
        version: The version of llmops-sdk.
        python: The version of Python.
        machine: System, processor and number of cores.
        based_on: The run whose generations are scored again, or empty.
        details: What the executor adds, by name; the report shows it.
        sequence: Its number among the runs of its store: which run is the newest does not depend on the clock.
        previous: The run of the same pipeline before it, or empty: what changed since then is reported.
        schema: The version of the record's form.
    """

    run: str
    name: str
    plan: str
    created: str
    version: str
    python: str
    machine: str
    based_on: str = ""
    details: Mapping[str, str] = attrs.field(factory=dict)
    sequence: int = 0
    previous: str = ""
    schema: int = RUN_SCHEMA

    @classmethod
    def of_this_process(
        cls,
        run_id: str,
        name: str,
        plan_hash: str,
        *,
        place: Place = Place(),
        based_on: str = "",
        details: Mapping[str, str] | None = None,
    ) -> RunMetadata:
        """Return the metadata of a run that this process creates now."""
        return cls(
            run=run_id,
            name=name,
            plan=plan_hash,
            # With milliseconds: runs that follow one another at once have an order.
            created=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            version=version("llmops-sdk"),
            python=platform.python_version(),
            machine=machine_name(),
            based_on=based_on,
            details=details or {},
            sequence=place.sequence,
            previous=place.previous,
        )

    @property
    def order(self) -> tuple[int, str, str]:
        """What runs are sorted by, the oldest first."""
        return self.sequence, self.created, self.run

    @property
    def created_at(self) -> datetime:
        """When it was created."""
        return datetime.fromisoformat(self.created)


def machine_name() -> str:
    """Return what is recorded of this machine: system, processor and number of cores."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
