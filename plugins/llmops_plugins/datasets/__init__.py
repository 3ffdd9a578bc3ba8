"""The datasets: Dolly, JSONL and CSV files, the Hugging Face hub, and a bundled sample."""
