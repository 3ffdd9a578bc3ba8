"""What `llmops doctor` looks at for the metrics."""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, version

from llmops_plugins.metrics.assets import metrics_assets
from llmops_sdk import Asset, Check, Finding, default_home, find_asset

# METEOR's values are those of this line of NLTK: 3.10 looks words up in one pass.
NLTK = "3.10."
_INSTALL = "pip install 'llmops-sdk[metrics]'"


def checks() -> tuple[Check, ...]:
    """Return the checks: the two libraries whose versions decide values, and every asset."""
    return (
        Check("nltk", _nltk),
        Check("rouge", _rouge),
        *(Check(f"asset {asset.name}", partial(_asset, asset)) for asset in metrics_assets()),
    )


def _nltk() -> Finding:
    found = installed("nltk")
    if not found:
        return Finding("error", "nltk is not installed; METEOR needs it", _INSTALL)
    if not found.startswith(NLTK):
        return Finding("error", f"nltk {found}: METEOR's values are those of nltk {NLTK}x", _INSTALL)
    return Finding("ok", f"nltk {found}")


def _rouge() -> Finding:
    from llmops_plugins.metrics.rouge import rouge_engine

    engine = rouge_engine()
    found = installed(engine)
    if not found:
        return Finding("error", "neither rouge-score-rs nor rouge-score is installed; ROUGE needs one", _INSTALL)
    if engine == "rouge-score":
        return Finding("warning", f"rouge-score {found}: right, and slow on long texts", "pip install rouge-score-rs")
    return Finding("ok", f"rouge-score-rs {found}")


def _asset(asset: Asset) -> Finding:
    folder = find_asset(asset, default_home())
    if folder is None:
        return Finding("warning", f"{asset.summary}: not here yet; a run fetches it", f"llmops assets get {asset.name}")
    return Finding("ok", f"'{folder}'")


def installed(package: str) -> str:
    """Return the version of an installed distribution, or an empty text."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
