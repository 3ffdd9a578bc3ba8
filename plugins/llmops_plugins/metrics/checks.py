"""What `llmops doctor` looks at for the metrics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from llmops_sdk.plugin import Check, Finding

_INSTALL = "pip install 'llmops-sdk[metrics]'"


def checks() -> tuple[Check, ...]:
    """Return the checks: the libraries whose versions decide values, and those that decide how long scoring takes."""
    return Check("rouge", _rouge), Check("meteor", _meteor), Check("bertscore", _bertscore)


def _rouge() -> Finding:
    from llmops_plugins.metrics.tasks.rouge import rouge_engine

    engine = rouge_engine()
    found = installed(engine)
    if not found:
        return Finding("error", "neither rouge-score-rs nor rouge-score is installed; ROUGE needs one", _INSTALL)
    if engine == "rouge-score":
        return Finding("warning", f"rouge-score {found}: right, and slow on long texts", "pip install rouge-score-rs")
    return Finding("ok", f"rouge-score-rs {found}")


def _meteor() -> Finding:
    found = installed("regex")
    if not found:
        return Finding("error", "regex is not installed; METEOR needs it", _INSTALL)
    return Finding("ok", f"regex {found}")


def _bertscore() -> Finding:
    runtime, builder, torch = map(installed, ("onnxruntime", "onnx", "torch"))
    if runtime and builder:
        return Finding("ok", f"onnxruntime {runtime}, onnx {builder}")
    missing = "onnxruntime" if not runtime else "onnx, which builds an encoder's graph once,"
    if torch:
        return Finding("warning", f"{missing} is not installed: BERTScore takes torch, and more time", _INSTALL)
    return Finding("error", f"{missing} is not installed; BERTScore needs it, or torch", _INSTALL)


def installed(package: str) -> str:
    """Return the version of an installed distribution, or an empty text."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
