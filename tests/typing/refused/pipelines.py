"""Mistakes in pipelines; a type checker reports each line that is marked, and no other one."""

from __future__ import annotations

from llmops_plugins.datasets.options import DollyOptions
from llmops_plugins.local.options import LoraOptions, SmolLM2Options
from llmops_sdk import Pipelines  # error: a misspelled name
from llmops_sdk import Pipeline, load

pipeline = Pipeline.builder()
pipeline.with_generation(max_new_token=3)  # error: a misspelled option
pipeline.with_generation(temperature="hot")  # error: a text for a number
pipeline.with_dataset("dolly", DollyOptions(max_test_recrods=3))  # error: a misspelled option
pipeline.with_dataset("dolly", DollyOptions(max_test_records="3"))  # error: a text for a number
pipeline.with_dataset(3)  # error: neither a name nor a function
pipeline.with_model("smollm2", trainer=LoraOptions(max_stepz=3))  # error: a misspelled option
pipeline.with_model("smollm2", LoraOptions())  # error: options of a trainer for a model
pipeline.with_model("smollm2", fine_tune="no")  # error: a text for a boolean
pipeline.with_trainer("lora", SmolLM2Options())  # error: options of a model for a trainer
pipeline.with_decision("rougeL", margin="small")  # error: a text for a number
pipeline.with_datasets("dolly")  # error: a misspelled method
pipeline.run(onn="local")  # error: a misspelled argument
pipeline.name = "other"  # error: a pipeline is frozen, and has no name
load(3)  # error: a number for a run's ID
