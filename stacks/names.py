"""How the construct ids of a model are made from its name."""


def pascal(model: str) -> str:
    """california_housing: CaliforniaHousing. No two models of an environment have one: config_check looks."""
    return "".join(word.capitalize() for word in model.split("_"))
