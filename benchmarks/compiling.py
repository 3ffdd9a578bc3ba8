"""Compiling a pipeline of `@step` functions: this project against the SageMaker SDK alone, as whole calls.

`python benchmarks/compiling.py 2 20 100` prints seconds and CPU-seconds as JSON. Each figure is measured in a process of
its own, after its imports: from a plan (or functions) to the pipeline's definition, with everything its steps need
uploaded to S3, which moto emulates in the same process. Both have the same settings, requirements file and parameters.
The SageMaker SDK's side is written as in its documentation; it ships an empty folder, and no wheel.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/llmops"
BUCKET = "benchmark"
INSTANCE = "ml.m5.xlarge"
CONFIG = f"""\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
      RemoteFunction:
        InstanceType: {INSTANCE}
        Dependencies: ./requirements.txt
        IncludeLocalWorkDir: true
        RoleArn: {ROLE}
        ImageUri: image:1
        CustomFileFilter:
          IgnoreNamePatterns: ['*.ipynb']
"""


def main() -> None:
    """Measure each size once."""
    if sys.argv[1] in ("own", "sdk"):
        kind, steps = sys.argv[1], int(sys.argv[2])
        with tempfile.TemporaryDirectory() as folder:
            _into_moto(Path(folder))
            print(json.dumps(_own(steps) if kind == "own" else _sdk(steps)), flush=True)
        os._exit(0)  # moto's threads
    print(json.dumps({steps: {kind: _run(kind, steps) for kind in ("own", "sdk")} for steps in map(int, sys.argv[1:])}))


def _run(kind: str, steps: int) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, kind, str(steps)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _into_moto(folder: Path) -> None:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    (folder / "requirements.txt").write_text("sagemaker\n", encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    os.chdir(folder)
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder),
    }
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET)


def _own(steps: int) -> dict[str, float]:
    import sagemaker.workflow.function_step  # noqa: F401 - neither side's imports are counted

    import llmops_sdk.testing
    from llmops_plugins.sagemaker.aws.account import Aws
    from llmops_plugins.sagemaker.pipeline.compile import Place, compile_graph
    from llmops_plugins.sagemaker.pipeline.graph import graph_of
    from llmops_plugins.sagemaker.pipeline.submit import _upload
    from llmops_plugins.sagemaker.settings import SageMakerSettings
    from llmops_sdk import Pipeline
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    settings = {"role": ROLE, "bucket": BUCKET, "region": "us-east-1", "image_uri": "image:1"}
    pipeline = Pipeline.builder("b").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_settings("sagemaker", **settings).with_executor("sagemaker", keep_alive_seconds=300)
    models, trained = max(1, (steps - 1) // 2), steps % 2 == 0 and steps > 2  # noqa: PLR2004 - two steps a model
    for number in range(models):
        tuned = trained and number == 0  # a third step
        pipeline = pipeline.with_model("echo", name=f"m{number}", fine_tune=tuned, voice=f"v{number}")
    start, cpu = time.perf_counter(), time.process_time()
    plan = pipeline.build(registry)
    aws = Aws(SageMakerSettings.from_mapping(settings))
    root = f"s3://{BUCKET}/llmops"
    place = Place(BUCKET, f"{root}/pipelines", f"{root}/plans/{plan.hash}/plan.json")
    compiled = compile_graph(aws, graph_of(plan), plan, registry, place)
    compiled_in = time.perf_counter() - start
    _upload(aws, compiled.uploads)
    return _measurement(start, cpu, compiled.definition, compiled_in)


def _sdk(steps: int) -> dict[str, float]:
    import boto3
    import sagemaker
    from sagemaker.workflow.function_step import step
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.step_outputs import get_step

    for name in ("sagemaker", "sagemaker.config", "sagemaker.remote_function"):
        logging.getLogger(name).setLevel(logging.ERROR)
    session = sagemaker.Session(boto3.Session(), default_bucket=BUCKET)
    start, cpu = time.perf_counter(), time.process_time()
    parts = [step(_node, name=f"s{n}", keep_alive_period_in_seconds=300)(n) for n in range(steps - 1)]
    last = step(_node, name="last", keep_alive_period_in_seconds=300)(-1)
    get_step(last).add_depends_on(parts)
    definition = Pipeline(name="b", steps=[*parts, last], sagemaker_session=session).definition()
    return _measurement(start, cpu, definition, time.perf_counter() - start)


def _node(number: int) -> int:
    return number


def _measurement(start: float, cpu: float, definition: str, compiled_in: float) -> dict[str, Any]:
    steps = len(json.loads(definition)["Steps"])
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    return {"wall": seconds, "cpu": used, "compile": compiled_in, "steps": steps}


if __name__ == "__main__":
    main()
