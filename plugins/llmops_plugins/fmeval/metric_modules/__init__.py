"""The metrics that FMEval loads by name from Hugging Face: copied into its cache, never imported from here."""
