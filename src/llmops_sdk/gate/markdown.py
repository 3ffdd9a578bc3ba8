"""The answer of a gate as a comment on a pull request, in Markdown.

It starts with a mark that people do not see: a job that finds a comment with the same mark replaces it, in place of adding
another one. Text of users is written as code, so that no name is markup, a link or a mention of somebody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmops_sdk.gate.outcome import LEVEL, Check, Decision, Numbers, Outcome
from llmops_sdk.gate.words import number, percent, signed
from llmops_sdk.values.prices import dollars

_ICONS = {
    Outcome.GO: "\N{WHITE HEAVY CHECK MARK}",
    Outcome.NO_GO: "\N{CROSS MARK}",
    Outcome.INCONCLUSIVE: "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
}


def comment_mark(name: str) -> str:
    """Return the mark of the comments of a pipeline's gate.

    >>> comment_mark("sales -- v2")
    '<!-- llmops-gate: sales-v2 -->'
    """
    return f"<!-- llmops-gate: {re.sub(r'[^A-Za-z0-9_.]+', '-', name).strip('-') or 'pipeline'} -->"


def markdown(decision: Decision) -> str:
    """Return the comment of a decision."""
    return "\n".join(_lines(decision)) + "\n"


def _lines(decision: Decision) -> Iterator[str]:
    yield comment_mark(decision.name)
    yield f"### {_ICONS[decision.outcome]} {decision.outcome.value}: {_code(decision.candidate)} of {_code(decision.name)}"
    yield ""
    needed = ""
    if decision.outcome is Outcome.INCONCLUSIVE and decision.needed_records is not None:
        needed = f" About **{decision.needed_records:,} records** would decide it."
    yield f"{_sentence(decision.text)}.{needed}"
    yield ""
    has_datasets = len({check.dataset for check in decision.checks}) > 1
    heads = ["", "condition", *(["dataset"] if has_datasets else []), "measured", "bounds", "records"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join([':-:', *[':--'] * (len(heads) - 4), '--:', ':-:', '--:'])}|"
    for check in decision.checks:
        dataset = [_code(check.dataset)] if has_datasets else []
        condition = f"{_code(check.subject)} {_condition(check)}"
        cells = [
            _ICONS[check.outcome],
            condition,
            *dataset,
            _measured(check),
            _bounds(check),
            f"{check.records:,}{_needed(check)}",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "<details><summary>How this was decided</summary>"
    yield ""
    for check in decision.checks:
        yield f"- {_code(check.subject)} on {_code(check.dataset)}: {_escape(check.text)}"
    yield ""
    yield f"Run {_code(decision.run_id)}; candidate {_code(decision.candidate)}: {_escape(decision.chosen)}."
    for note in decision.notes:
        yield f"{_escape(note)}"
    yield (
        f"Tested at {percent(LEVEL)} on either side, for the gate as a whole: GO needs every condition to be shown, NO-GO needs one to be"
        " shown broken, and too few records are INCONCLUSIVE."
    )
    yield ""
    yield "</details>"


def _condition(check: Check) -> str:
    """Return the words of a condition, the name in them as code."""
    match = re.fullmatch(r"(no worse than )(.*)( by more than [^ ]+)", check.condition)
    if match:
        return f"{match[1]}{_code(match[2])}{match[3]}"
    return _escape(check.condition)


def _measured(check: Check) -> str:
    return "\N{EN DASH}" if check.measured is None else _in_one_line(f"{_number(check, check.measured)} {check.unit}")


def _bounds(check: Check) -> str:
    if check.low is None and check.high is None:
        return "none"
    ends = ["\N{MINUS SIGN}\N{INFINITY}" if check.low is None else _number(check, check.low)]
    ends.append("\N{INFINITY}" if check.high is None else _number(check, check.high))
    return _in_one_line(f"[{', '.join(ends)}]")


def _number(check: Check, value: float) -> str:
    return {Numbers.SHARE: percent, Numbers.DIFFERENCE: signed, Numbers.MEAN: number, Numbers.COST: dollars}[
        check.kind
    ](value)


def _in_one_line(text: str) -> str:
    return text.strip().replace(" ", "\N{NO-BREAK SPACE}")


def _needed(check: Check) -> str:
    return "" if check.needed_records is None else f" of about {check.needed_records:,}"


def _sentence(text: str) -> str:
    return _escape(text[0].upper() + text[1:])


def _code(text: str) -> str:
    """Return a text as code, in a table too."""
    plain = " ".join(re.sub(r"[`|]", " ", text).split())
    return f"`{plain}`" if plain else ""


def _escape(text: str) -> str:
    """Return a text in which nothing is markup or a mention."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)
    return re.sub(r"@(?=\w)", "@\N{ZERO WIDTH SPACE}", " ".join(escaped.split()))
