"""Clients of these tests share what botocore reads."""

from tests.unit.service_models import service_models

__all__ = ["service_models"]
