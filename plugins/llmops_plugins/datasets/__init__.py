"""Data sets: Dolly, JSONL, CSV, Hugging Face, and the bundled sample."""
