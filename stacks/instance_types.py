"""Which instance types SageMaker has for what, as botocore's model of its API lists them, for each use apart."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

import botocore
from botocore.loaders import Loader
from botocore.model import ServiceModel

from contract import Contract

# What an instance is for, and the shape of the API that lists the types for it.
USES: Mapping[str, str] = {
    "processing jobs": "ProcessingInstanceType",
    "training jobs": "TrainingInstanceType",
    "transform jobs": "TransformInstanceType",
    "endpoints": "ProductionVariantInstanceType",
}
SUGGESTIONS = 3


@cache
def types_for(use: str) -> tuple[str, ...]:
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    return tuple(model.shape_for(USES[use]).enum)


def problem(use: str, value: str) -> str | None:
    """What to use instead; None for a type that SageMaker has for the use. `use`: a key of USES."""
    known = types_for(use)
    if value in known:
        return None
    others = [other for other in USES if value in types_for(other)]
    has = f"SageMaker has it for {', '.join(others)} only" if others else "SageMaker has no such type"
    wanted = value if value.startswith("ml.") else f"ml.{value}"
    close = get_close_matches(wanted, known, n=SUGGESTIONS, cutoff=0.7) or ["ml.m5.large"]
    since = "" if others else f" (botocore {botocore.__version__}; a newer one may: ./dev lock --upgrade)"
    return f"{has}{since}; for {use} use {' or '.join(close)}, for example"


def problems_of(contracts: Iterable[Contract]) -> Iterator[str]:
    """Of every model: registration names the type of its endpoint, also where it is served without instances."""
    for contract in contracts:
        value = contract.serving.instance_type
        if found := problem("endpoints", value):
            yield f"models/{contract.name}/model.toml: serving.instance_type is {value!r}: {found}"
