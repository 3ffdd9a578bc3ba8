"""The options of the deployer `recorded`: none, and the checks before a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_sdk.plugin import BaseModel, Check, DeployerOptions, Prompt, Record


@attrs.frozen(kw_only=True)
class RecordedOptions(DeployerOptions):
    """Recorded answers need no options: those of the model name the file."""

    def local_checks(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Yield the check of the file: it can be read, and has answers and something to join them by."""
        from llmops_plugins.recorded.preflight import check_file

        yield Check(f"answers in {Path(base.source).name}", partial(check_file, RecordedModelOptions.of(base)))

    def record_checks(
        self, base: BaseModel, asked: Sequence[tuple[Record, Prompt]], *, is_whole: bool
    ) -> Iterable[Check]:
        """Yield the check of what the answers are joined by, and how many records have one."""
        from llmops_plugins.recorded.preflight import check_records

        name = f"answers in {Path(base.source).name} for the {'test records' if is_whole else 'first record'}"
        yield Check(name, partial(check_records, RecordedModelOptions.of(base), asked, is_whole=is_whole))
