"""Score recorded answers with FMEval, the files one after the other; usage: fmeval_capitals.py FOLDER ANSWERS...

The results of `strong.jsonl` are in FOLDER/strong.
"""

import os
import sys
from pathlib import Path

from fmeval.data_loaders.data_config import DataConfig
from fmeval.eval_algorithms.factual_knowledge import FactualKnowledge

folder, *files = map(Path, sys.argv[1:])
for answers in files:
    os.environ["EVAL_RESULTS_PATH"] = str(folder / answers.stem)
    config = DataConfig(
        dataset_name="capitals",
        dataset_uri=str(answers),
        dataset_mime_type="application/jsonlines",
        model_input_location="question",
        target_output_location="answer",
        model_output_location="output",
    )
    FactualKnowledge().evaluate(dataset_config=config, save=True)
