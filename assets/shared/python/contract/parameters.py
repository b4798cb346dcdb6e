"""The XGBoost parameters that a model.toml may set. XGBoost itself only warns about one that it does not know."""

from __future__ import annotations

from contract.model import Scalar
from contract.reader import Table
from contract.tasks import objectives_of
from contract.wording import closest

# name: (lowest, highest) of a number
_NUMBERS: dict[str, tuple[float, float]] = {
    "alpha": (0, 1e9),
    "colsample_bylevel": (0.01, 1),
    "colsample_bynode": (0.01, 1),
    "colsample_bytree": (0.01, 1),
    "eta": (0.0001, 1),
    "gamma": (0, 1e12),
    "lambda": (0, 1e9),
    "max_delta_step": (0, 1e9),
    "min_child_weight": (0, 1e9),
    "subsample": (0.01, 1),
}
_WHOLE_NUMBERS: dict[str, tuple[int, int]] = {
    "max_bin": (2, 65536),
    "max_depth": (0, 30),
    "max_leaves": (0, 100_000),
    "num_parallel_tree": (1, 1000),
}
_CHOICES = {
    "grow_policy": ("depthwise", "lossguide"),
}


def parameters_of(table: Table, task: str) -> dict[str, Scalar]:
    """`task` is "" when it is wrong: every objective will do then."""
    choices = _CHOICES | {"objective": objectives_of(task)}
    parameters: dict[str, Scalar] = {}
    for name in table.values:
        if name in _NUMBERS:
            low, high = _NUMBERS[name]
            parameters[name] = table.number(name, low=low, high=high)
        elif name in _WHOLE_NUMBERS:
            least, most = _WHOLE_NUMBERS[name]
            parameters[name] = table.integer(name, low=least, high=most)
        elif name in choices:
            parameters[name] = table.choice(name, choices[name])
        else:
            known = (*_NUMBERS, *_WHOLE_NUMBERS, *choices)
            table.add(name, f"is not an XGBoost parameter that may be set here; {closest(name, known)}")
    return parameters
