"""REST APIs as API Gateway runs them: functions and objects behind them, keys and usage plans, what they may hold."""

from localcloud.apigateway import functions, keys, objects

__all__ = ["HOOKS", "install"]

HOOKS: tuple[tuple[str, str], ...] = (*functions.HOOKS, *keys.HOOKS, *objects.HOOKS)


def install() -> None:
    for part in (functions, keys, objects):
        part.install()
