"""Metrics of tasks: summarization, question answering, facts, classification, stereotyping."""
