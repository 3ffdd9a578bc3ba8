"""The checks of `llmops doctor` for the metrics."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics import hooks


def test_installed_libraries_pass_the_checks() -> None:
    """There is one check for each group of metrics; the core checks their assets."""
    findings = {check.name: check.run() for check in hooks.llmops_checks()}

    assert list(findings) == ["rouge", "meteor", "bertscore"]
    assert {"ok"} == {finding.status for finding in findings.values()}


@pytest.mark.parametrize(
    ("installed", "status"),
    [
        ({"onnxruntime", "onnx"}, "ok"),
        ({"onnxruntime", "torch"}, "warning"),
        ({"onnx", "torch"}, "warning"),
        ({"torch"}, "warning"),
        (set(), "warning"),
    ],
)
def test_a_missing_engine_of_bertscore_is_reported(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], status: str
) -> None:
    """Without ONNX Runtime, BERTScore is slower; without torch too, it is not available."""
    monkeypatch.setattr(
        "llmops_plugins.metrics.checks.installed_version", lambda name: "1.0" if name in installed else ""
    )
    check = next(check for check in hooks.llmops_checks() if check.name == "bertscore")

    assert status == check.run().status
