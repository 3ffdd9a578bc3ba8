"""The tables of a run in an S3 bucket, where QuickSight, Athena and others read them."""
