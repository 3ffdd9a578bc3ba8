"""A sample shows its answer, or why there is none."""

from __future__ import annotations

from llmops_sdk.plugin import Answer, Answered, Generation, Pending, Sample, TextPrompt, Unanswered


def test_an_answered_sample_has_its_answer() -> None:
    """Its output is that of the answer, and it has no error."""
    sample = Sample({"question": "?"}, TextPrompt("?"), Answered(7, Answer("yes", 2, 1, "stop")))

    assert (7, "yes", "") == (sample.index, sample.output, sample.error)
    assert Answer("yes", 2, 1, "stop") == sample.answer


def test_a_failed_sample_has_its_error() -> None:
    """Whether it failed for good or for now."""
    for outcome in (Unanswered(7, "refused"), Pending(7, "refused")):
        sample = Sample({}, TextPrompt("?"), outcome)

        assert (7, None, None, "refused") == (sample.index, sample.answer, sample.output, sample.error)


def test_the_output_of_a_generation_is_that_of_its_answer() -> None:
    """Evaluators read it more than anything else."""
    assert "yes" == Generation(0, {}, TextPrompt("?"), Answer("yes")).output
