"""Models that a run serves with a command of the user's, such as vLLM or llama.cpp."""
