"""Copied as `sitecustomize.py` into a rehearsed container: the one thing of `/opt/ml` that no script can be told.

The SageMaker SDK writes the reason of a failure to a path that is fixed in its code. Where that folder does not exist, a
failed step would end with exit code 0.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from typing import Any

_NAME = "sagemaker.remote_function.errors"


class _Finder:
    """Changes the path in that one module, once it is imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = spec.loader if spec else None
        if loader is None:
            return spec
        run = loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            module.FAILURE_REASON_PATH = os.path.join(os.environ["LLMOPS_REHEARSAL_ROOT"], "output", "failure")  # noqa: PTH118

        loader.exec_module = exec_module
        return spec


if "LLMOPS_REHEARSAL_ROOT" in os.environ:
    sys.meta_path.insert(0, _Finder())
