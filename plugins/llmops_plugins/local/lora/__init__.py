"""LoRA fine-tuning on this machine."""
