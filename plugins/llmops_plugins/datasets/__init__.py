"""Datasets: Dolly, JSONL, CSV, Hugging Face, and the bundled sample."""
