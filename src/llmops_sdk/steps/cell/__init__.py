"""One cell in the steps: its questions, answers, probes, scores, samples and results."""
