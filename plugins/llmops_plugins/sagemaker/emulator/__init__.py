"""The executor `sagemaker-rehearsal`: a pipeline of SageMaker on this machine, against an emulated AWS account."""
