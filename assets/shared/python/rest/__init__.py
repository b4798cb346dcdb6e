"""How the functions behind the REST API answer: problems, query parameters, headers. Standard library only."""
