"""Names of constructs after models, and what stands for all of them."""

# In a pattern: whatever model of the environment.
EVERY = "*"


def pascal(model: str) -> str:
    """`california_housing` is CaliforniaHousing: the names of constructs, and so the logical ids, hold it.

    EVERY is All.
    """
    return "All" if model == EVERY else "".join(word.capitalize() for word in model.split("_"))
