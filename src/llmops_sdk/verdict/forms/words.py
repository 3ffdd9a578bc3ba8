"""The sentences on forms: what is shown of each, where its answers start to differ, and which of the usual suspects do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmops_sdk.values.forms import AnswerAgreement, FormOutcome, FormResult, Suspect
from llmops_sdk.verdict.baseline import signed

_LONGEST_WORD = 40

_CLAIMS: Mapping[FormOutcome, str] = {
    "equivalent": "is equivalent to {reference} within {margin:g}",
    "worse": "is worse than {reference} by more than {margin:g}",
    "better": "is better than {reference} by more than {margin:g}",
    "undecided": "is not shown to be equivalent to {reference} within {margin:g}",
}

_COUNTED: Mapping[FormOutcome, str] = {
    "equivalent": "equivalent to it within {margin:g}",
    "worse": "worse by more than {margin:g}",
    "better": "better by more than {margin:g}",
    "undecided": "not decided",
}


def form_text(form: FormResult, why: str) -> str:
    """Return what is shown of a form in sentences.

    Args:
        form: The form.
        why: Why it is undecided, or empty.
    """
    reason = f"; {why}" if why else ""
    return f"{_claim(form)}{reason}. {_answers(form)}"


def family_headline(reference: str, forms: Sequence[FormResult], without: Sequence[str]) -> str:
    """Return what is shown of all forms of a model: of one in full, of several how many are what.

    Args:
        reference: The candidate that they are compared with.
        forms: The forms that were compared.
        without: The forms that could not be.
    """
    parts = []
    if len(forms) == 1:
        parts.append(f"{_claim(forms[0])}; {_identical(forms[0].agreement)}.")
    elif forms:
        by_outcome = {outcome: [form for form in forms if form.outcome == outcome] for outcome in _COUNTED}
        counts = [_count(own) for own in by_outcome.values() if own]
        alike = f"All {len(forms)} forms compared with {reference} {counts[0].partition(' ')[2]}."
        parts.append(
            alike if len(counts) == 1 else f"Of {len(forms)} forms compared with {reference}, {_listed(counts)}."
        )
    parts += [f"Whether {name} differs from {reference} is not known: one of them has no result." for name in without]
    return " ".join(parts)


def suspect_words(suspects: Sequence[Suspect]) -> str:
    """Return which of the usual suspects differ, and which are not known."""
    different = [
        f"{each.name} ({each.reference} against {each.candidate})" for each in suspects if each.state == "differs"
    ]
    unknown = [each.name for each in suspects if each.state == "unknown"]
    same = [each.name for each in suspects if each.state == "same"]
    parts = [f"Different: {', '.join(different)}." if different else "None of the usual suspects is known to differ."]
    parts += [f"The same: {', '.join(same)}."] if same else []
    parts += [f"Not known of both: {', '.join(unknown)}."] if unknown else []
    return " ".join(parts)


def _claim(form: FormResult) -> str:
    words = f"{form.candidate} {_CLAIMS[form.outcome].format(reference=form.reference, margin=form.margin)}"
    if form.estimate is None:
        return f"{words}: they have no scored record in common"
    low, high = form.estimate.low, form.estimate.high
    ends = f" [{signed(low)}, {signed(high)}]" if low is not None and high is not None else ""
    return f"{words}: {signed(form.estimate.mean)}{ends}"


def _answers(form: FormResult) -> str:
    if not form.agreement.answers:
        return "No record was answered by both."
    words, first = _identical(form.agreement), form.agreement.first
    words = f"{words[0].upper()}{words[1:]}"
    if first is None:
        return f"{words}."
    differ = first.reference != first.candidate
    shown = f" ({_quoted(first.reference)} against {_quoted(first.candidate)})" if differ else ""
    place = f"word {first.word} on record {first.record}{shown}"
    median = f", the median one at word {form.agreement.median_word:g}" if form.agreement.median_word else ""
    return f"{words}; the first difference is at {place}{median}. {suspect_words(form.suspects)}"


def _identical(agreement: AnswerAgreement) -> str:
    if agreement.identical == agreement.answers:
        return f"all {agreement.answers} answers are identical"
    return f"{agreement.identical} of {agreement.answers} answers are identical"


def _quoted(word: str) -> str:
    return f"“{word[:_LONGEST_WORD]}”" if word else "nothing"


def _count(forms: Sequence[FormResult]) -> str:
    """Return how many forms have an outcome, and which."""
    claim = _COUNTED[forms[0].outcome].format(margin=forms[0].margin)
    names = ", ".join(form.candidate for form in forms)
    return f"{len(forms)} {'is' if len(forms) == 1 else 'are'} {claim} ({names})"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
