#!/usr/bin/env bash
# Builds the image in which the steps of a SageMaker pipeline run, and pushes it to Amazon ECR.
#
#   bash step-image.sh                  for the Python and the SageMaker SDK of this machine
#   bash step-image.sh --python 3.12    for another Python
#   bash step-image.sh --dockerfile     prints the Dockerfile, and builds nothing
#
# Needs Docker with buildx, the AWS CLI with credentials, and a region. Run it in the environment that runs llmops.
set -euo pipefail

this_python() { python -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
this_sdk() { python -c 'from importlib.metadata import version; print(version("sagemaker"))'; }
fail() {
    echo "error: $1" >&2
    exit 2
}

python_version=
sdk_version=
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
repository=llmops-steps
only_print=
while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
    --dockerfile)
        only_print=1
        continue
        ;;
    --python | --sagemaker | --region | --repository) [ $# -gt 0 ] || fail "$option needs a value" ;;
    *) fail "unknown option $option; there are --python, --sagemaker, --region, --repository and --dockerfile" ;;
    esac
    case $option in
    --python) python_version=$1 ;;
    --sagemaker) sdk_version=$1 ;;
    --region) region=$1 ;;
    --repository) repository=$1 ;;
    esac
    shift
done
python_version=${python_version:-$(this_python)}
sdk_version=${sdk_version:-$(this_sdk)} || fail "the SageMaker SDK is not installed: pip install 'llmops-sdk[sagemaker]'"
case $python_version in
3.10 | 3.11 | 3.12 | 3.13) ;;
*) fail "llmops-sdk runs in Python 3.10 to 3.13, not in $python_version" ;;
esac
[[ $sdk_version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "--sagemaker takes an exact version, such as 2.257.1, not $sdk_version"
case $sdk_version in
2.256.0) fail "sagemaker 2.256.0 cannot run steps: pip install 'sagemaker>=2.253.1,<4,!=2.256.0'" ;;
2.253.0) fail "supported are sagemaker 2.253.1 to 3.x, not $sdk_version" ;;
2.25[3-9].* | 2.2[6-9]?.*) entry_point=sagemaker.remote_function.invoke_function ;;
3.*) entry_point=sagemaker.core.remote_function.invoke_function ;;
*) fail "supported are sagemaker 2.253.1 to 3.x, not $sdk_version" ;;
esac

dockerfile() {
    cat <<EOF
FROM public.ecr.aws/docker/library/python:$python_version-slim
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends ca-certificates git \\
    && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir sagemaker==$sdk_version pytz
ENV PYTHONUNBUFFERED=1 PIP_ROOT_USER_ACTION=ignore
RUN AWS_DEFAULT_REGION=us-east-1 python -c "import $entry_point"
EOF
}

if [ -n "$only_print" ]; then
    dockerfile
    exit
fi

region=${region:-$(aws configure get region || true)}
[ -n "$region" ] || fail "no AWS region is set: use --region, such as --region us-east-1"
account=$(aws sts get-caller-identity --query Account --output text)
case $region in
cn-*) domain=amazonaws.com.cn ;;
*) domain=amazonaws.com ;;
esac
registry=$account.dkr.ecr.$region.$domain
image=$registry/$repository:py${python_version/./}-sagemaker-$sdk_version

aws ecr describe-repositories --region "$region" --repository-names "$repository" >/dev/null 2>&1 ||
    aws ecr create-repository --region "$region" --repository-name "$repository" >/dev/null
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry"
# SageMaker takes images for amd64, and none with a list of attestations.
dockerfile | docker buildx build --platform linux/amd64 --provenance=false --tag "$image" --push -
echo "image_uri: $image"
