"""`@step` pipelines: compile, submit, watch."""
