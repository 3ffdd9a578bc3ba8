"""FMEval's own `SummarizationAccuracy.evaluate()` under Ray has the values of the evaluator without it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.fmeval.algorithms import SummarizationAccuracy
from llmops_plugins.fmeval.options import SummarizationAccuracyOptions
from llmops_sdk.plugin import Context, Generation, Scored, Unscored, file_sha256

Rows = Sequence[tuple[Mapping[str, Any], str]]
Make = Callable[[Rows], list[Generation]]

NO_LATIN = "مرحبا"
HARD = (
    ("", "An output of nothing."),
    (" \n\t", "An output of white space."),
    ("😀 👩‍👩‍👧‍👦 🇩🇪", "emoji"),
    ("مرحبا بالعالم. كيف حالك؟ שלום \u202eabc\u202c", NO_LATIN),
    ("\x00\x01\x1b[31mred\x1b[0m\x7f", "red \x00"),
    ("line\nafter\r\nline\u2028and\u2029more", "line after line"),
    ("word " * 20_000, "A word."),
)


def changed_files(package: Distribution) -> list[str]:
    """Return the package's installed files that differ from what was installed."""
    hashed = {file: file.hash.value for file in package.files or () if file.hash is not None}
    assert hashed, "the package keeps no record of its files"
    return [str(file) for file, recorded in hashed.items() if recorded != _sha256(Path(str(file.locate())))]


def _sha256(file: Path) -> str:
    """Return the hash as an installed package's RECORD has it."""
    return urlsafe_b64encode(hashlib.sha256(file.read_bytes()).digest()).rstrip(b"=").decode("ascii")


def test_a_changed_file_is_detected(tmp_path: Path) -> None:
    """A file without a hash, such as the record itself, is not compared."""
    info = tmp_path / "some-1.dist-info"
    info.mkdir()
    hashed = "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"  # of "abc"
    record = [f"{name},{hashed},3" for name in ("same.py", "other.py")]
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some\nVersion: 1\n")
    (info / "RECORD").write_text("\n".join([*record, "some-1.dist-info/RECORD,,", ""]))
    (tmp_path / "same.py").write_text("abc")
    (tmp_path / "other.py").write_text("abd")

    assert ["other.py"] == changed_files(Distribution.at(info))


@pytest.mark.slow
@pytest.mark.usefixtures("temporary")
@pytest.mark.timeout(1800)  # the first test that needs FMEval's environment builds it
def test_fmeval_itself_gives_the_same_values(
    context: Context, dolly: Rows, leads: Rows, generations: Make, fmeval_package: Path
) -> None:
    """One run of `evaluate()` over 180 real records and the hard ones: all are scored, in order, and nothing is left behind.

    Of 120 records the outputs are their references, scrambled; of 60 they are the first sentences of their contexts.

    ROUGE and METEOR are equal to the last bit, BERTScore within 1e-5. No file of FMEval is changed by any of this.
    """
    rows = [
        *dolly[:60],
        *(({"response": reference}, output) for output, reference in HARD),
        *dolly[60:120],
        *leads[:60],
    ]
    assert 187 == len(rows)
    unscorable = [({"response": ""}, "x"), ({"answer": "x"}, "x"), ({"response": "x"}, "half \ud83d of a pair")]
    asked = generations([*unscorable, *rows])
    evaluator = SummarizationAccuracy(SummarizationAccuracyOptions(rouge_type="rougeL"))
    fast = context.make("evaluator", "summarization-accuracy", {"metrics": ["rougeL", "meteor", "bertscore"]})

    scores = list(evaluator.evaluate(context, iter(asked)))

    assert [generation.index for generation in asked] == [score.index for score in scores]
    assert scores[:3] == [
        Unscored(10, "the reference field 'response' is empty"),
        Unscored(11, "the record has no reference field 'response'; it has: answer"),
        Unscored(12, "FMEval cannot read half of a surrogate pair, which is in the model_output"),
    ]
    for generation, expected, score in zip(asked[3:], fast.evaluate(context, iter(asked[3:])), scores[3:], strict=True):
        assert isinstance(expected, Scored)
        assert isinstance(score, Scored), score
        theirs = {name.removeprefix("fmeval_"): value for name, value in score.scores.items()}
        assert list(theirs) == ["rougeL", "meteor", "bertscore"]
        ours = dict(expected.scores)
        assert theirs.pop("bertscore") == pytest.approx(ours.pop("bertscore"), abs=1e-5)
        if generation.record["response"] == NO_LATIN:
            assert theirs.pop("rougeL") == 0  # ours has no value where ROUGE does not read the script
        assert theirs == ours

    metadata = evaluator.provenance(context)
    assert ("1.2.3", "evaluate") == (metadata["fmeval"], metadata["run"])
    assert metadata["metric_modules"].endswith("llmops-sdk's own")
    assert "sentence-transformers/all-MiniLM-L6-v2" == metadata["bertscore_model"]
    assert file_sha256(context.asset("minilm") / "model.safetensors") == metadata["bertscore_weights_sha256"]
    means = [
        sum(score.scores[name] for score in scores if isinstance(score, Scored)) / 187 for name in ("fmeval_meteor",)
    ]
    dataset_scores = dict(pair.split(" ") for pair in metadata["dataset_scores"].split(", "))
    assert float(dataset_scores["meteor"]) == pytest.approx(means[0])
    (installed,) = distributions(name="fmeval", path=[str(fmeval_package.parent)])
    assert changed_files(installed) == []
