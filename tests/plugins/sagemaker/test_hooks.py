"""The cards of the plugin, and what importing it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import llmops_plugins.sagemaker


def test_cards_import_nothing_heavy() -> None:
    """Listing plugins imports neither boto3 nor the SageMaker SDK."""
    code = (
        "import sys; import llmops_plugins.sagemaker.hooks as h; h.llmops_cards(); h.llmops_settings();"
        "print([m for m in ('boto3', 'botocore', 'sagemaker', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_few_modules_import_the_sagemaker_sdk() -> None:
    """One for each of its lines; everything else knows neither."""
    folder = Path(str(llmops_plugins.sagemaker.__file__)).parent
    importing = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"^\s*(from|import) sagemaker\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert {"sdk/v2.py", "sdk/v3.py"} == importing
