"""Where a server is: what settings and URLs mean, and that no secret of theirs is ever shown."""

from __future__ import annotations

import subprocess
import sys

import pytest

from quarterdeck.errors import ConfigError
from quarterdeck.memory.server.address import Place, address_of
from quarterdeck.memory.settings import RedisConfig, without_secrets

SECRET = "hunter2"


def address(url, **settings):
    return address_of(RedisConfig(url=url, **settings))


@pytest.mark.parametrize(
    "url, kind, places, tls, db",
    [
        ("redis://host", "plain", [("host", 6379)], False, 0),
        ("rediss://host:7000/3", "plain", [("host", 7000)], True, 3),
        ("valkey://host/", "plain", [("host", 6379)], False, 0),
        ("valkeys://host", "plain", [("host", 6379)], True, 0),
        ("REDIS://[::1]:7000?db=2", "plain", [("::1", 7000)], False, 2),
        ("redis://[::1]", "plain", [("::1", 6379)], False, 0),
        ("redis+sentinel://a:1,b/s/2", "sentinel", [("a", 1), ("b", 26379)], False, 2),
        ("rediss+sentinel://a/s", "sentinel", [("a", 26379)], True, 0),
        ("redis+cluster://a:1,b", "cluster", [("a", 1), ("b", 6379)], False, 0),
        ("valkeys+cluster://a:1", "cluster", [("a", 1)], True, 0),
    ],
)
def test_every_form_of_a_url_is_understood(url, kind, places, tls, db):
    """One server, Sentinel or a cluster; with TLS or without; a port and a database that can be left out."""
    found = address(url)
    assert (found.kind, found.places, found.tls, found.db) == (
        kind,
        tuple(Place(*p) for p in places),
        tls,
        db,
    )


def test_a_socket_has_a_path_and_perhaps_a_database():
    """unix://path is a socket of this machine; nobody listens on the way."""
    found = address("unix:///run/redis.sock?db=4")
    assert (found.path, found.places, found.db, found.tls, found.is_local) == (
        "/run/redis.sock",
        (),
        4,
        False,
        True,
    )


def test_user_and_password_are_decoded():
    """What has a meaning in a URL is written with percent signs."""
    found = address("redis://al%3Aice:a%40b%2Fc%25@host")
    assert (found.username, found.password) == ("al:ice", "a@b/c%")


def test_a_password_may_stand_alone_and_hold_an_at_sign():
    """The last @ ends it."""
    found = address("redis://:p@ss@host")
    assert (found.username, found.password, found.places) == ("", "p@ss", (Place("host", 6379),))


def test_a_url_wins_and_the_other_settings_fill_its_gaps():
    """What the URL says is so; what it does not say comes from the fields."""
    found = address("redis://bob@host/1", username="carol", password=SECRET, db=5, port=9, ssl=True)
    assert (found.username, found.password, found.db, found.tls) == ("bob", SECRET, 1, True)
    assert found.places == (Place("host", 6379),)


def test_without_a_url_the_fields_say_where():
    """Host, port, database, user, password and TLS can stand alone."""
    config = RedisConfig(host="h", port=1, db=2, username="u", password=SECRET, ssl=True, timeout_s=3)
    found = address_of(config)
    assert (found.places, found.db, found.username, found.password, found.tls, found.timeout_s) == (
        (Place("h", 1),),
        2,
        "u",
        SECRET,
        True,
        3,
    )


@pytest.mark.parametrize(
    "url",
    [
        "host:6379",
        "http://host",
        "redis:/host",
        "redis://",
        "redis://:6379",
        "redis://host:port",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:٦",
        "redis://host/db",
        "redis://host/1/2",
        "redis://host/-1",
        "redis://host?ssl_cert_reqs=none",
        "redis://host?db=x",
        "redis://a,b",
        "redis://ho st",
        "redis://ho\nst",
        "redis://[::1",
        "redis://[::1]x",
        "redis+sentinel://host",
        "redis+sentinel:///service",
        "redis+cluster://host/1",
        "redis+other://host",
        "unix+cluster://path",
        "unix://",
    ],
)
def test_anything_else_is_an_error_that_says_what_to_write(url):
    """No option is silently ignored, and nothing is guessed."""
    with pytest.raises(ConfigError) as caught:
        address(url)
    assert "redis://[user:password@]host[:port][/db]" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        f"redis://user:{SECRET}@host:port",
        f"redis://:{SECRET}/x@host:port",
        f"redis://:x/{SECRET}@host:port",
        f"redis://:x?{SECRET}@host",
        f"redis://:x#{SECRET}@host:port",
        f"redis://:a@{SECRET}@host:port",
        f"redis://{SECRET}@host:port",
        f"redis://host?password={SECRET}",
        f"redis://host?password=a@{SECRET}",
        f"user:{SECRET}@host",
        f"x://:{SECRET}@host",
    ],
)
def test_a_password_is_never_shown_even_of_a_broken_url(url):
    """Neither the error nor the config's own repr repeats it."""
    assert SECRET not in without_secrets(url)
    assert SECRET not in repr(RedisConfig(url=url))
    with pytest.raises(ConfigError) as caught:
        address(url)
    assert SECRET not in str(caught.value)


def test_an_address_shows_where_but_not_who():
    """Its repr and its text have no user and no password."""
    found = address(f"rediss+sentinel://bob:{SECRET}@[::1]:5,b:6/s/1")
    assert str(found) == "rediss+sentinel://[::1]:5,b:6/s/1"
    assert SECRET not in repr(found)
    assert "bob" not in repr(found)


@pytest.mark.parametrize(
    "url, local",
    [
        ("redis://localhost", True),
        ("redis://127.0.0.9", True),
        ("redis://[::1]", True),
        ("redis://10.0.0.1", False),
        ("redis://example.org", False),
        ("redis+cluster://localhost,10.0.0.1", False),
    ],
)
def test_it_is_known_whether_others_could_listen(url, local):
    """Loopback is this machine; one place that is not is enough."""
    assert address(url).is_local is local


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout_s": 0},
        {"connect_timeout_s": float("nan")},
        {"timeout_s": float("inf")},
        {"host": ""},
        {"port": 0},
        {"db": -1},
        {"ssl_keyfile": "key.pem"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    """Before anything is connected."""
    with pytest.raises(ConfigError):
        address_of(RedisConfig(**settings))


def test_an_address_is_understood_without_redis_py():
    """A config can be shown, and memory imported, where the extra is not installed."""
    program = (
        "import sys\n"
        "sys.modules['redis'] = None\n"
        "import quarterdeck.memory, quarterdeck.memory.server\n"
        "from quarterdeck.memory.settings import RedisConfig\n"
        "print(RedisConfig(url='redis://u:p@host'))\n"
        "try:\n"
        "    from quarterdeck.memory.server import RedisBackend\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "RedisConfig('redis://***@host', namespace='default')",
        "MissingExtra pip install 'quarterdeck[redis]'",
    ]
