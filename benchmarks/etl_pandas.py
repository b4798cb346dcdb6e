"""What the ETL job does, as a script with pandas: ids, rejects with reasons, sides, recipe, profile, Parquet parts.

python -m benchmarks.etl_pandas MODEL_TOML CSV FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from hashlib import md5
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "assets" / "shared" / "python"))

import numpy as np  # noqa: E402  (the path comes first)
import pandas as pd  # noqa: E402

from contract import Contract, Recipe, load  # noqa: E402


def checked(frame: pd.DataFrame, contract: Contract, folder: Path) -> pd.DataFrame:
    """The usable rows as numbers and levels. The others are written with all that is wrong in them."""
    reasons = pd.Series("", index=frame.index)
    found = pd.DataFrame(index=frame.index)
    fields = [*(feature.field for feature in contract.features), contract.target.field]
    for field in fields:
        text = frame[field.column]
        if field.type == "category":
            found[field.name] = text.astype("category")
            wrong = text.notna() & ~text.isin(field.levels)
            said = "is unknown"
        else:
            values = pd.to_numeric(text, errors="coerce")
            found[field.name] = values
            low, high = field.min or -np.inf, field.max or np.inf
            wrong = text.notna() & ~values.between(low, high)
            said = "is no number, or out of bounds"
        reasons[wrong] += f"{field.name} {said}: " + text[wrong].astype(str) + "; "
        if not field.nullable:
            reasons[text.isna()] += f"{field.name} is missing; "
    bad = reasons != ""
    lines = frame[bad].astype(str).agg(",".join, axis=1)
    rejects = pd.DataFrame({"line": lines.index + 2, "reason": reasons[bad], "row": lines})
    rejects.to_json(folder / "rejects.json", orient="records", lines=True)
    return found[~bad]


def ids(rows: pd.DataFrame, contract: Contract) -> list[str]:
    spelled = [
        ["" if value != value else str(value) for value in rows[feature.name].tolist()]  # noqa: PLR0124 - NaN
        for feature in contract.features
    ]
    salt = contract.split.salt
    texts = (salt + "\x1f".join(row) for row in zip(*spelled, strict=True))
    return [md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts]


def with_copies(rows: pd.DataFrame) -> pd.DataFrame:
    """Copies of a row get ids of their own."""
    copy = (
        rows.groupby(list(rows.columns), dropna=False, observed=True).cumcount() + 1
        if rows["row_id"].duplicated().any()
        else None
    )
    if copy is None:
        return rows
    again = [
        row_id if number == 1 else md5(f"{row_id}#{number}".encode(), usedforsecurity=False).hexdigest()
        for row_id, number in zip(rows["row_id"], copy, strict=True)
    ]
    return rows.assign(row_id=again)


def fitted(rows: pd.DataFrame, train: pd.Series, contract: Contract) -> tuple[pd.DataFrame, pd.Series, Recipe]:
    """Complete numbers of all rows, which of them are no outliers, and the recipe."""
    numbers: dict[str, np.ndarray[Any, Any]] = {}
    impute: dict[str, float] = {}
    is_train = train.to_numpy()
    for feature in contract.numeric:
        values = rows[feature.name].to_numpy(float)
        if feature.nullable:
            impute[feature.name] = float(np.nanmedian(values[is_train]))
            values = np.where(np.isnan(values), impute[feature.name], values)
        numbers[feature.name] = values
    for item in contract.derived:
        values = item.expression.evaluate(numbers)
        impute[item.name] = float(np.nanmedian(values[is_train]))
        numbers[item.name] = np.where(np.isnan(values), impute[item.name], values)
    inside, fences = np.ones(len(rows), bool), {}
    for name in contract.outliers.columns:
        low, high = np.quantile(numbers[name][is_train], [0.25, 0.75])
        margin = contract.outliers.factor * (high - low)
        fences[name] = (float(low - margin), float(high + margin))
        inside &= (numbers[name] >= fences[name][0]) & (numbers[name] <= fences[name][1])
    kept = is_train & inside
    recipe = Recipe.fitted(
        contract,
        impute=impute,
        fences=fences,
        mean={name: float(values[kept].mean()) for name, values in numbers.items()},
        std={name: float(values[kept].std(ddof=1)) for name, values in numbers.items()},
    )
    return pd.DataFrame(numbers, index=rows.index), pd.Series(kept | ~is_train, index=rows.index), recipe


def profile(train: pd.DataFrame, contract: Contract) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for feature in contract.categorical:
        shares = train[feature.name].value_counts(normalize=True)
        found[feature.name] = {str(level): share for level, share in shares.items()}
    for name in [*(feature.name for feature in contract.numeric), contract.target.name]:
        values = train[name].dropna().to_numpy(float)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)))
        counts, _ = np.histogram(values, edges)
        found[name] = {
            "mean": values.mean(),
            "std": values.std(ddof=1),
            "edges": edges.tolist(),
            "counts": counts.tolist(),
        }
    return found


def main(model: Path, data: Path, folder: Path) -> None:
    contract = load(model)
    rows = checked(pd.read_csv(data, low_memory=False), contract, folder)
    rows = with_copies(rows.assign(row_id=ids(rows, contract)))
    test, validation = contract.split.test, contract.split.validation
    place = rows["row_id"].str.slice(0, 8)
    bounds = [format(round(share * 16**8), "08x") for share in (test, test + validation)]
    side = np.where(place < bounds[0], "test", np.where(place < bounds[1], "validation", "train"))
    train = pd.Series(side == "train", index=rows.index)
    numbers, kept, recipe = fitted(rows, train, contract)
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "profile.json").write_text(json.dumps(profile(rows[train], contract)))
    scaled = (numbers - pd.Series(recipe.mean)) / pd.Series(recipe.std)
    others = ["row_id", contract.target.name, *(item.name for item in contract.categorical)]
    for name in ("train", "validation", "test"):
        chosen = (side == name) & kept
        pd.concat([rows.loc[chosen, others], scaled[chosen]], axis=1).to_parquet(
            folder / f"{name}.parquet", index=False
        )
        rows.loc[chosen, ["row_id", *contract.columns]].to_parquet(folder / f"raw_{name}.parquet", index=False)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(json.dumps({"cpu": time.process_time(), "mb": used.ru_maxrss / 1024}) + "\n")
