"""What checks found, as `doctor` and `plan` print it."""

from __future__ import annotations

from collections.abc import Iterable

from llmops_sdk.cli.output.tables import open_console, print_entry
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.plugin.checks import Check

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}
_LONG = 60
"""Characters of a problem that is printed again, and not as the same as another one."""


def show_findings(checks: Iterable[Check], *, quiet: bool = False) -> bool:
    """Run checks and print what each found, and how to fix it; of the checks of one name, the first error only.

    A problem that several have in common, such as missing credentials, is printed once; the others name the first of them.

    Args:
        checks: What to check.
        quiet: Print warnings and errors only.

    Returns:
        Whether one found an error.
    """
    console, failed, shown = open_console(), set[str](), dict[str, str]()
    for check in checks:
        if check.name in failed:
            continue
        finding = run_check(check)
        if finding.status == "error":
            failed.add(check.name)
        if quiet and finding.status == "ok":
            continue
        hint = f"\nfix: {finding.hint}" if finding.hint else ""
        problem = f"{finding.text}{hint}"
        first = shown.setdefault(problem, check.name)
        is_again = finding.status != "ok" and first != check.name and len(problem) > _LONG
        text = f"{check.name}: {f'same as {first}' if is_again else problem}"
        print_entry(console, finding.status, text, width=7, style=_STYLES[finding.status])
    return bool(failed)
