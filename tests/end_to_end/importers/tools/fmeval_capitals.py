"""Score recorded answers with FMEval; usage: fmeval_capitals.py ANSWERS FOLDER."""

import os
import sys
from pathlib import Path

answers, folder = sys.argv[1:]
Path(folder).mkdir(parents=True)
os.environ["EVAL_RESULTS_PATH"] = folder

from fmeval.data_loaders.data_config import DataConfig  # noqa: E402 - it reads the environment when it is imported
from fmeval.eval_algorithms.factual_knowledge import FactualKnowledge  # noqa: E402

config = DataConfig(
    dataset_name="capitals",
    dataset_uri=answers,
    dataset_mime_type="application/jsonlines",
    model_input_location="question",
    target_output_location="answer",
    model_output_location="output",
)
FactualKnowledge().evaluate(dataset_config=config, save=True)
