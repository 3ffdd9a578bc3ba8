"""Metrics of tasks: summarization, question answering, factual knowledge, classification, stereotyping."""
