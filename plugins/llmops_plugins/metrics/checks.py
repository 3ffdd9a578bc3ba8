"""The checks of `llmops doctor` for the metrics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from llmops_sdk.plugin import Check, Finding, install_hint

_EXTRA = "metrics"


def checks() -> tuple[Check, ...]:
    """Return the checks: the libraries whose versions decide values, and those that decide how long scoring takes."""
    return Check("rouge", _rouge), Check("meteor", _meteor), Check("bertscore", _bertscore)


def _rouge() -> Finding:
    from llmops_plugins.metrics.tasks.rouge import rouge_engine

    engine = rouge_engine()
    installed = installed_version(engine)
    if not installed:
        return Finding(
            "warning", "neither rouge-score-rs nor rouge-score is installed; ROUGE needs one", install_hint(_EXTRA)
        )
    if engine == "rouge-score":
        return Finding(
            "warning", f"rouge-score {installed}: correct, but slow on long texts", "pip install rouge-score-rs"
        )
    return Finding("ok", f"rouge-score-rs {installed}")


def _meteor() -> Finding:
    installed = installed_version("regex")
    if not installed:
        return Finding("warning", "regex is not installed; METEOR needs it", install_hint(_EXTRA))
    return Finding("ok", f"regex {installed}")


def _bertscore() -> Finding:
    runtime, builder, torch = map(installed_version, ("onnxruntime", "onnx", "torch"))
    if runtime and builder:
        return Finding("ok", f"onnxruntime {runtime}, onnx {builder}")
    missing = "onnxruntime" if not runtime else "onnx, which builds an encoder's graph once,"
    if torch:
        return Finding(
            "warning", f"{missing} is not installed: BERTScore uses torch, and takes longer", install_hint(_EXTRA)
        )
    return Finding("warning", f"{missing} is not installed; BERTScore needs it, or torch", install_hint(_EXTRA))


def installed_version(package: str) -> str:
    """Return the version of an installed distribution, or an empty text."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
