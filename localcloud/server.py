"""The server process: environment, extensions, HTTP, and an end that leaves no process behind."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from localcloud.private import private_folder

PARENT_CHECK_SECONDS = 0.5
PRIVATE = 0o077

logger = logging.getLogger("localcloud")


@dataclass(frozen=True)
class Settings:
    """What `python -m localcloud serve` was asked for."""

    port: int
    state: Path
    account: str
    region: str
    lambda_python: Path
    parent_pid: int | None


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or the parent's end. Does not return."""
    listener = _listen(settings.port)
    port = listener.getsockname()[1]
    _configure(settings, port)
    asyncio.run(_serve(settings, listener, port))


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); name another one, 0 takes a free one.")
    return listener


def _configure(settings: Settings, port: int) -> None:
    """Set MiniStack's switches, which it reads when it is imported, and drop what must not reach any function."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PYTHON")) or name.lower().endswith("_proxy")]:
        del os.environ[name]
    private_folder(settings.state)
    os.umask(PRIVATE)  # of this process, and of every function and job
    # Whatever is asked from here is on this machine: no proxy, also not one of the system's settings, comes between.
    os.environ["no_proxy"] = "*"
    os.environ |= {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LOCALCLOUD_STATE": str(settings.state),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_REGION": settings.region,
        "S3_DATA_DIR": str(settings.state / "s3"),
        "SFTP_ENABLED": "0",
    }


def _extensions() -> tuple[ModuleType, ...]:
    """The modules that change MiniStack, in the order of their installation."""
    from localcloud import (
        absent,
        apigateway,
        calls,
        cloudwatch,
        concurrency,
        events,
        glue,
        iam,
        lambdas,
        objects,
        passrole,
        provisioners,
        quotas,
        sagemaker,
    )
    from localcloud import webidentity as web

    first = (calls, iam, objects, lambdas, provisioners, concurrency)
    return (*first, events, cloudwatch, apigateway, glue, sagemaker, quotas, passrole, web, absent)


def _install(settings: Settings) -> None:
    from localcloud import lambdas
    from localcloud.ministack import baseline

    baseline.check()
    extensions = _extensions()
    lambdas.use_interpreter(settings.lambda_python)
    for extension in extensions:
        extension.install()


async def _serve(settings: Settings, listener: socket.socket, port: int) -> None:
    from hypercorn.asyncio import serve as serve_http
    from hypercorn.config import Config

    from localcloud.admin import tls_terminated, with_admin_routes
    from localcloud.door import keys, root
    from localcloud.door.middleware import behind_door
    from localcloud.ministack import web

    _install(settings)
    pair = keys.new_keys()
    root.install(pair, settings.account)
    credentials = keys.write_keys(settings.state, pair)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    application: Any = behind_door(with_admin_routes(tls_terminated(web.application())))
    server = asyncio.create_task(serve_http(application, config, shutdown_trigger=asyncio.Event().wait))
    await _accepting(port, server)
    _announce(settings, port, credentials)
    await _ended(stop, server, settings.parent_pid)
    _end_processes()
    # At once: open connections and threads of running jobs must not keep the process alive.
    os._exit(0)


async def _accepting(port: int, server: asyncio.Task[None]) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            if server.done():
                server.result()
                raise RuntimeError("the HTTP server ended before it accepted a connection") from None
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


def _announce(settings: Settings, port: int, credentials: Path) -> None:
    ready = {
        "endpoint": f"http://127.0.0.1:{port}",
        "pid": os.getpid(),
        "account": settings.account,
        "region": settings.region,
        "credentials": str(credentials),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def _ended(stop: asyncio.Event, server: asyncio.Task[None], parent_pid: int | None) -> None:
    is_child = os.getppid() == parent_pid
    while not stop.is_set() and not server.done():
        if parent_pid is not None and not (os.getppid() == parent_pid if is_child else _alive(parent_pid)):
            return
        try:
            await asyncio.wait_for(stop.wait(), PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end_processes() -> None:
    from localcloud import lambdas, process

    process.kill_all()
    lambdas.shut_down()
