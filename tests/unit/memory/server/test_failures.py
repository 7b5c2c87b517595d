"""What redis-py raises becomes an error of ours that says how to mend it, without the server's words."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as TimedOut

from quarterdeck.errors import (
    AccessDenied,
    ConfigError,
    MemoryUnavailable,
    StateError,
    StoreCorrupt,
    StoreFull,
)
from quarterdeck.memory.server import failures
from quarterdeck.memory.server.breaker import Outage

PLACE = "127.0.0.1:6379"
IN_SCRIPTS_OF_6 = (
    "Error running script (call to f_0123456789): @user_script:1: @user_script: 1: -{} said so: hunter2",
    "Error running script (call to f_0123456789): @user_script:4: {} said so: hunter2",
)


def reply(code, text="said so: hunter2"):
    """An error of the server as redis-py gives it."""
    from redis.connection import DefaultParser

    return DefaultParser.parse_error(f"{code} {text}")


@pytest.mark.parametrize(
    "code, kind",
    [
        ("LOADING", MemoryUnavailable),
        ("CLUSTERDOWN", MemoryUnavailable),
        ("MASTERDOWN", MemoryUnavailable),
        ("READONLY", MemoryUnavailable),
        ("TRYAGAIN", MemoryUnavailable),
        ("BUSY", MemoryUnavailable),
        ("NOREPLICAS", MemoryUnavailable),
        ("OOM", StoreFull),
        ("MISCONF", StoreFull),
        ("NOAUTH", ConfigError),
        ("WRONGPASS", AccessDenied),
        ("NOPERM", AccessDenied),
        ("WRONGTYPE", StoreCorrupt),
        ("NOPROTO", ConfigError),
        ("EXECABORT", StateError),
        ("WHOKNOWS", StateError),
    ],
)
def test_every_refusal_has_its_error(code, kind):
    """By the server's code, also where Redis 6 hides it in a script's error; its words are not repeated."""
    in_scripts = [ResponseError(each.format(code)) for each in IN_SCRIPTS_OF_6]
    for error in (reply(code), *in_scripts):
        made = failures.refused(error, PLACE)
        assert type(made) is kind
        assert PLACE in made.message
        assert made.hint
        assert "hunter2" not in str(made)


@pytest.mark.parametrize(
    "text, kind",
    [
        ("MOVED 7 10.0.0.1:6379", MemoryUnavailable),
        ("ASK 7 10.0.0.1:6379", MemoryUnavailable),
        ("ERR unknown command `HELLO`, with args beginning with: `3`", ConfigError),
        ("ERR DB index is out of range", ConfigError),
        ("ERR This instance has cluster support disabled", ConfigError),
        ("ERR invalid password", AccessDenied),
        ("ERR something else", StateError),
        ("", StateError),
    ],
)
def test_refusals_without_a_code_are_told_by_their_text(text, kind):
    """What the server has not given a code of its own."""
    code, _, rest = text.partition(" ")
    assert type(failures.refused(reply(code, rest), PLACE)) is kind


def test_no_access_says_what_to_grant():
    """The rule can be copied to the server."""
    assert failures.ACL_RULE in failures.refused(reply("NOPERM"), PLACE).hint


@pytest.mark.parametrize(
    "sent, write, outcome",
    [
        (False, True, "nothing was sent"),
        (True, False, "nothing was read"),
        (True, True, "whether the write has happened is not known"),
    ],
)
def test_an_outage_says_whether_a_write_may_have_happened(sent, write, outcome):
    """So that the caller knows whether to look before trying again."""
    outage = Outage(12.34, 0.5, "does not answer in time")
    made = failures.unavailable(PLACE, outage.reason, outage, sent=sent, write=write)
    assert outcome in made.message
    assert f"{PLACE} does not answer in time, for 12.3 s now" in made.message
    assert "tried again in 0.5 s" in made.hint


def raised(error, cause):
    """*error* as redis-py raises it: while it handles what the system has raised."""
    try:
        try:
            raise cause
        except OSError:
            raise error  # noqa: B904  # as redis-py does
    except type(error) as made:
        return made


def test_the_reason_is_the_systems_not_redis_pys():
    """In words that follow the server's name."""
    import ssl

    refused = raised(Disconnected("x"), ConnectionRefusedError(111, "Connection refused"))
    assert failures.reason_of(refused) == "refuses connections"
    assert failures.reason_of(TimedOut("x")) == "does not answer in time"
    assert failures.reason_of(Disconnected("x")) == "has closed the connection"
    unreachable = raised(Disconnected("x"), OSError(113, "No route to host"))
    assert failures.reason_of(unreachable) == "cannot be reached (No route to host)"
    untrusted = raised(Disconnected("x"), ssl.SSLCertVerificationError(1, "hunter2"))
    assert failures.reason_of(untrusted) == "shows a certificate that is not trusted"
    assert failures.reason_of(reply("LOADING")) == "is loading its data"


def test_a_certificate_that_is_not_trusted_says_what_to_set():
    """The hint names the setting."""
    made = failures.unavailable(PLACE, "shows a certificate that is not trusted", None)
    assert "ssl_ca_certs" in made.hint


def test_a_reply_that_makes_no_sense_is_no_traceback():
    """Whatever taking it apart raises is the server's fault; other errors stay what they are."""
    sense = failures.Sense(PLACE)
    reply: Any = None
    for broken in (lambda: int("x"), lambda: reply[0], lambda: [][0], lambda: reply.decode()):
        with pytest.raises(StoreCorrupt), sense:
            broken()
    with pytest.raises(KeyboardInterrupt), sense:
        raise KeyboardInterrupt
    assert type(failures.refused(InvalidResponse("x"), PLACE)) is StoreCorrupt
