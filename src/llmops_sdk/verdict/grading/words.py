"""What people's grades show, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmops_sdk.values.estimates import Difference, Estimate
from llmops_sdk.values.grades import Grading
from llmops_sdk.values.results import Leaderboard
from llmops_sdk.values.scores import Metric
from llmops_sdk.verdict.statistics.comparison import FEWEST_CLUSTERS, FEWEST_RECORDS

_MOST_NAMED = 4


def agreement_sentences(grading: Grading, label: str) -> Iterator[str]:
    """Yield how far the judge agrees with people, and people with each other.

    Args:
        grading: What people's grades show.
        label: The metric as people read it.
    """
    count = len(grading.graders)
    people = "one person" if count == 1 else f"{count} people"
    answers = f"{grading.answers} answer{'' if grading.answers == 1 else 's'} graded by {people}"
    if grading.with_judge is None:
        yield f"The agreement of {label} with people is not known: on {answers}, the scores do not vary."
    else:
        yield f"Agreement of {label} with people, Krippendorff's alpha: {_alpha(grading.with_judge)} on {answers}."
    between = grading.between_graders
    if between is not None:
        yield f"Agreement of people with each other: {_alpha(between)} on {between.records} answers."


def verdict_text(
    board: Leaderboard,
    grading: Grading,
    metric: Metric,
    best: str,
    tied: Sequence[str],
    worse: Sequence[str],
    lead: Difference | None,
) -> list[str]:
    """Return the verdict on corrected means, the headline first.

    Args:
        board: The leaderboard, from the judge alone.
        grading: What people's grades show.
        metric: The metric that decides.
        best: The candidate with the best corrected mean.
        tied: Those that cannot be told apart from it.
        worse: Those that are worse.
        lead: The corrected difference of the best minus the next one, or None where nothing may be claimed.
    """
    label, where = metric.label or metric.name, f"on {board.dataset}"
    if grading.records < FEWEST_RECORDS:
        graded = f"{grading.records} record{'' if grading.records == 1 else 's'}"
        return [
            (
                f"Nothing is decided {where}: {graded} with a grade of every candidate {'is' if grading.records == 1 else 'are'} "
                f"too few to correct the judge; it takes at least {FEWEST_RECORDS}."
            )
        ]
    if lead is None:
        return [board.verdict.headline]
    end = "lowest" if metric.higher_is_better is False else "highest"
    others = f"{_names(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else ""
    if tied:
        ties = f"{_names(tied)} cannot be told apart from it"
        parts = [f"{best} has the {end} {label} {where}, corrected with people's grades", ties, others]
        headline = f"{'; '.join(filter(None, parts))}."
    else:
        headline = f"{best} is the best {where}, corrected with people's grades: {others}."
    mean = grading.means[best]
    difference = lead.estimate
    texts = [
        headline,
        (
            f"Corrected mean {label} of {best}: {_number(mean.mean)}{_interval(mean.low, mean.high)}; the judge alone gives "
            f"{_number(grading.judge_means[best])}."
        ),
        (
            f"{best} differs from {lead.versus} by {_signed(difference.mean)}"
            f"{_signed_interval(difference)} on {difference.records} records, {grading.records} of them graded; people prefer it on "
            f"{lead.better}, and the other on "
            f"{lead.worse}."
        ),
    ]
    if lead.better + lead.worse < FEWEST_CLUSTERS:
        texts.append(
            f"Their grades differ on {lead.better + lead.worse} records only, and no claim is possible on fewer than "
            f"{FEWEST_CLUSTERS}."
        )
    return texts


def _alpha(agreement: Estimate) -> str:
    ends = agreement.low, agreement.high
    return f"{agreement.mean:.2f}{'' if None in ends else f' [{ends[0]:.2f}, {ends[1]:.2f}]'}".replace(
        "-", "\N{MINUS SIGN}"
    )


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{_number(low)}, {_number(high)}]"


def _signed_interval(estimate: Estimate) -> str:
    low, high = estimate.low, estimate.high
    return "" if low is None or high is None else f" [{_signed(low)}, {_signed(high)}]"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return f"{value + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")


def _names(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        names = [*names[:_MOST_NAMED], f"{len(names) - _MOST_NAMED} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
