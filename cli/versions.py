"""Which numerical packages run here, beside those of SageMaker's container."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

# Of the XGBoost container 3.2-0, which runs on x86-64.
CONTAINER = {"numpy": "2.1.0", "scipy": "1.15.0", "pyarrow": "22.0.0", "xgboost": "3.2.0"}
CONTAINER_MACHINE = ("x86_64", "AMD64")


def difference() -> str:
    """One sentence where numbers may not be the container's to the last bit; "" where they are."""
    here = {name: _installed(name) for name in CONTAINER}
    others = [f"{name} {found} for {CONTAINER[name]}" for name, found in here.items() if found != CONTAINER[name]]
    if platform.machine() not in CONTAINER_MACHINE:
        others.append(f"{platform.machine()} for x86_64")
    if not others:
        return ""
    return f"Numbers may differ in the last bits from SageMaker's container: {', '.join(others)}."


def _installed(name: str) -> str:
    """XGBoost without CUDA is a package of its own."""
    try:
        return version(name)
    except PackageNotFoundError:
        return version(f"{name}-cpu")
