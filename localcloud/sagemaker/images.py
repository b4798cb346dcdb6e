"""Pulling a container image from ECR: nothing is pulled, but the role must be allowed to."""

import re

from localcloud import platform

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.]+/(?P<repository>[^:@]+).*")
_READ = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")


def check_read(role_arn: str, image: str) -> None:
    """Raise AccessDenied unless the role may read the image; images outside ECR need no permission."""
    if match := _ECR.fullmatch(image):
        repository = f"arn:aws:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
        for action in _READ:
            platform.check_role(role_arn, action, repository)


def check_pull(role_arn: str, image: str) -> None:
    """As `check_read`, and the token that a pull needs: it is for a whole registry."""
    if _ECR.fullmatch(image):
        platform.check_role(role_arn, "ecr:GetAuthorizationToken", "*")
        check_read(role_arn, image)
