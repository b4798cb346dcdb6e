"""An empty key is nobody: neither root, nor somebody whose permissions decide."""

# The operations of STS that AWS takes without a signature: the token is the proof.
ACTIONS = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})


def is_decided_by_token(access_key: str, action: str) -> bool:
    """Whether no key is needed: the token and the role's trust policy decide."""
    service, _, operation = action.partition(":")
    return not access_key and service == "sts" and operation in ACTIONS


def lacks_a_key(access_key: str, action: str) -> bool:
    """Whether the method of a REST API wants to know who calls, and nobody says so."""
    return not access_key and action.partition(":")[0] == "execute-api"
