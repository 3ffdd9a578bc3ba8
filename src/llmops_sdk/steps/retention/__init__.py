"""What fine-tuning broke: the second dataset that tuned candidates are asked about, in the steps."""
