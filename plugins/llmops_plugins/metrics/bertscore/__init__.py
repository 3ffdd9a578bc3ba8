"""BERTScore and its encoders."""
