"""Models of Amazon Bedrock, asked through its Converse API."""
