"""Options that the commands of ``qd memory`` share, each with one meaning everywhere."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from quarterdeck.cli.memory.wording import in_words_of_commands
from quarterdeck.cli.options import project_option
from quarterdeck.cli.output import remark
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from quarterdeck.cli.options import Command
    from quarterdeck.memory.seat import Seat
    from quarterdeck.memory.store import Store

    Room = TypeVar("Room", bound=Seat)

TIERS = ("observer", "contributor", "validator", "steward")
DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|)", re.ASCII)
SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 10 * 365 * 86_400


class Where(NamedTuple):
    """Which memory is asked, and by whom.

    Attributes:
        agent: who asks.
        project: a folder of the project whose settings hold, and in whose state the memory lies.
        flags: settings that were typed.
    """

    agent: str
    project: str
    flags: Mapping[str, object]


def memory_options(command: Command) -> Command:
    """``--agent``, ``--url``, ``--path`` …: the command gets them together as *where*, for `opened`."""

    @functools.wraps(command)
    def placed(
        *,
        agent: str,
        url: str | None,
        path: str | None,
        namespace: str | None,
        project: str | None,
        **others: object,
    ) -> object:
        if url == "":
            raise UsageError("--url names no server", hint="write --url redis://host, or leave it away")
        if url is not None and path is not None:
            raise UsageError("--url and --path contradict each other", hint="use one of the two")
        flags = {"url": url, "path": path, "namespace": namespace}
        if path is not None:
            flags |= {"url": "", "path": os.path.abspath(path)}
        return command(where=Where(agent, project or ".", flags), **others)

    for option in (
        project_option,
        click.option(
            "--namespace", metavar="NAME", help="Memories of different namespaces see nothing of each other."
        ),
        click.option("--path", metavar="FILE", help="Memory in this file, whatever the settings say."),
        click.option("--url", metavar="URL", help="Memory on this server: redis://host, unix:///socket …"),
        click.option(
            "--agent",
            metavar="NAME",
            envvar="QUARTERDECK_AGENT",
            default="default",
            help="Who asks (default: $QUARTERDECK_AGENT, else default).",
        ),
    ):
        option(placed)
    return placed  # type: ignore[return-value] # click calls it by the names of its options


def whose_options(command: Command) -> Command:
    """``--from AGENT`` and ``--all``: the command gets them together as *whose*, None for everybody's."""

    @functools.wraps(command)
    def narrowed(*, where: Where, owner: str | None, everybody: bool, **others: object) -> object:
        if everybody and owner is not None:
            raise UsageError("--from and --all contradict each other", hint="use one of the two")
        whose = None if everybody else where.agent if owner is None else owner
        return command(where=where, whose=whose, **others)

    for option in (
        click.option("--all", "everybody", is_flag=True, help="What all agents have put down."),
        from_option,
    ):
        option(narrowed)
    return narrowed  # type: ignore[return-value] # click calls it by the names of its options


def from_option(command: Command) -> Command:
    """``--from AGENT``: whose entries are read; by default those of the agent that asks."""
    return click.option("--from", "owner", metavar="AGENT", help="What another agent has put down.")(command)


def seconds(context: click.Context, option: click.Parameter, typed: str | None) -> float | None:
    """90s, 15m, 2h, 7d, 500ms; a number alone is seconds."""
    del context
    if typed is None:
        return None
    found = DURATION.fullmatch(typed.strip())
    number = float(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < number <= LONGEST_S:
        raise UsageError(
            f"{option.opts[-1]} must be a time that is not zero, up to ten years, got {typed!r:.40}",
            hint=f"write {option.opts[-1]} 90s, 15m, 2h or 7d, or leave it away",
        )
    return number


def time_option(name: str, text: str) -> Callable[[Command], Command]:
    """An option that takes a time, such as ``--ttl 15m``; the command gets seconds."""
    return click.option(name, metavar="TIME", callback=seconds, help=text)


@contextlib.contextmanager
def until_interrupted(*, endless: bool) -> Iterator[None]:
    """For what runs until somebody ends it, if *endless*: Ctrl-C and SIGTERM are how it is meant to end.

    Of anything else they are an interruption, as everywhere.
    """
    if not endless:
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def opened_store(where: Where) -> Iterator[Store]:
    """The memory that was asked for; nobody has been let in."""
    from quarterdeck.memory.opening import configured, open_store

    with in_words_of_commands():
        store = open_store(configured(where.project, where.flags), where.project)
        remark(_elsewhere(store, where.project))
        try:
            yield store
        finally:
            store.close()


def place_of(store: Store) -> str:
    """The file, or the server without its password, that *store* is."""
    from quarterdeck.memory.settings import without_secrets

    url = getattr(store.limits, "url", "")
    return without_secrets(url) if url else str(getattr(store.backend, "path", store.backend.kind))


def _elsewhere(store: Store, project: str) -> Iterator[str]:
    """What to say when the project's own folder cannot be used, so that the memory lies somewhere else."""
    from quarterdeck.workspace import find_root, open_workspace

    path: str = getattr(store.backend, "path", "")
    given: str = getattr(store.limits, "path", "")
    if given or not path:
        return
    workspace = open_workspace(find_root(project))
    if os.path.dirname(path) != workspace.state:
        yield f"{workspace.state} cannot be used, so the memory is {path}, which no other user sees"


@contextlib.contextmanager
def opened(where: Where, room: Callable[[Store, str], Room]) -> Iterator[Room]:
    """*room*, such as `Entries`, for the agent that asks; its token is taken from the environment alone."""
    with opened_store(where) as store:
        seat = room(store, where.agent)
        try:
            yield seat
        finally:
            seat.close()
