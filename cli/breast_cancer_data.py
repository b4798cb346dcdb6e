"""A seeded stand-in for the Wisconsin breast cancer data: its columns and a like structure, none of its rows.

The real 569 rows come with scikit-learn, which is not installed here: XGBoost imports it wherever it is, and every
step would take longer. `mlops upload FILE --model breast_cancer` takes the real ones in a CSV with these columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TARGET, LEVELS = "diagnosis", ("benign", "malignant")
MALIGNANT_SHARE = 0.37

Normal = tuple[float, float]
# (mean, standard deviation) of benign and of malignant masses, about as they are in the real data.
MEASURES: Mapping[str, tuple[Normal, Normal]] = {
    "mean_radius": ((12.1, 1.8), (17.5, 3.2)),
    "mean_texture": ((17.9, 4.0), (21.6, 3.8)),
    "mean_perimeter": ((78.1, 11.8), (115.0, 21.9)),
    "mean_area": ((463.0, 134.0), (978.0, 368.0)),
    "mean_smoothness": ((0.0925, 0.0134), (0.103, 0.0126)),
    "mean_compactness": ((0.08, 0.0337), (0.145, 0.054)),
    "mean_concavity": ((0.046, 0.0434), (0.161, 0.075)),
    "mean_concave_points": ((0.0257, 0.0159), (0.088, 0.0344)),
    "mean_symmetry": ((0.174, 0.0248), (0.193, 0.0276)),
    "mean_fractal_dimension": ((0.0629, 0.0067), (0.0627, 0.0076)),
    "radius_error": ((0.284, 0.113), (0.609, 0.345)),
    "texture_error": ((1.22, 0.589), (1.21, 0.483)),
    "perimeter_error": ((2.0, 0.771), (4.32, 2.57)),
    "area_error": ((21.1, 8.84), (72.7, 61.4)),
    "smoothness_error": ((0.0072, 0.0031), (0.0068, 0.0029)),
    "compactness_error": ((0.0214, 0.0164), (0.0323, 0.0184)),
    "concavity_error": ((0.026, 0.0329), (0.0418, 0.0216)),
    "concave_points_error": ((0.0099, 0.0057), (0.0151, 0.0055)),
    "symmetry_error": ((0.0206, 0.007), (0.0205, 0.0101)),
    "fractal_dimension_error": ((0.0036, 0.0029), (0.0041, 0.002)),
    "worst_radius": ((13.4, 1.98), (21.1, 4.28)),
    "worst_texture": ((23.5, 5.49), (29.3, 5.43)),
    "worst_perimeter": ((87.0, 13.5), (141.0, 29.5)),
    "worst_area": ((559.0, 164.0), (1420.0, 598.0)),
    "worst_smoothness": ((0.125, 0.02), (0.145, 0.0219)),
    "worst_compactness": ((0.183, 0.0922), (0.375, 0.17)),
    "worst_concavity": ((0.166, 0.14), (0.451, 0.182)),
    "worst_concave_points": ((0.0744, 0.0358), (0.182, 0.0463)),
    "worst_symmetry": ((0.27, 0.0417), (0.323, 0.0747)),
    "worst_fractal_dimension": ((0.0794, 0.0138), (0.0915, 0.0216)),
}
# What drives a measure, and how much of its spread: measures of size tell the same, and so do those of irregularity.
FACTORS: Mapping[str, tuple[int, float]] = {
    "radius": (0, 0.98),
    "perimeter": (0, 0.98),
    "area": (0, 0.98),
    "texture": (1, 0.9),
    "smoothness": (2, 0.6),
    "compactness": (2, 0.9),
    "concavity": (2, 0.9),
    "concave_points": (2, 0.85),
    "symmetry": (2, 0.6),
    "fractal_dimension": (2, 0.6),
}


def write_breast_cancer(path: Path, *, rows: int = 569, seed: int = 7) -> None:
    """Writes a CSV with `rows` rows. The same rows and seed give the same bytes."""
    rng = np.random.default_rng(seed)
    malignant = rng.random(rows) < MALIGNANT_SHARE
    factors = rng.standard_normal((3, rows))
    columns = [_texts(_measure(name, malignant, factors, rng)) for name in MEASURES]
    diagnoses = [LEVELS[int(value)] for value in malignant]
    lines = [",".join(fields) for fields in zip(*columns, diagnoses, strict=True)]
    path.write_text("\n".join([",".join([*MEASURES, TARGET]), *lines, ""]), encoding="utf-8", newline="\n")


def _measure(name: str, malignant: NDArray[np.bool_], factors: Floats, rng: np.random.Generator) -> Floats:
    """Log-normal: no measure is negative, and a few are large."""
    kind = name.removeprefix("mean_").removeprefix("worst_").removesuffix("_error")
    factor, loading = FACTORS[kind]
    score = loading * factors[factor] + np.sqrt(1 - loading**2) * rng.standard_normal(len(malignant))
    mean, deviation = (np.where(malignant, second, first) for first, second in zip(*MEASURES[name], strict=True))
    variance = np.log1p((deviation / mean) ** 2)
    values: Floats = np.exp(np.log(mean) - variance / 2 + np.sqrt(variance) * score)
    return values


def _texts(values: Floats) -> list[str]:
    return [f"{value:.4g}" for value in values.tolist()]
