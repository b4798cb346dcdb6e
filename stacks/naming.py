"""Names of constructs after models."""


def pascal(model: str) -> str:
    """`california_housing` is CaliforniaHousing: the names of constructs, and so the logical ids, hold it."""
    return "".join(word.capitalize() for word in model.split("_"))
