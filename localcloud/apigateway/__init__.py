"""REST APIs as API Gateway runs them: functions and objects behind them, keys and usage plans, what they may hold."""

from localcloud.apigateway import functions, keys


def install() -> None:
    for part in (functions, keys):
        part.install()
