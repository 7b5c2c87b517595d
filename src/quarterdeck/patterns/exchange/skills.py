"""Folders of Agent Skills on disk: one folder for each pattern, with its SKILL.md."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from quarterdeck.errors import NothingToRead, QuarterdeckError, TooLarge, UsageError
from quarterdeck.files import failure, open_plain, private_folder, write_atomically
from quarterdeck.patterns import checks
from quarterdeck.patterns.exchange.intake import Imported, Intake
from quarterdeck.patterns.exchange.skill import pattern_in, skill_name, skill_of, written_id
from quarterdeck.words import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from quarterdeck.patterns.exchange.intake import OnConflict, Source, Target
    from quarterdeck.patterns.model import Pattern

FILE = "SKILL.md"
MAX_SKILL_BYTES = 8_000_000
"""A pattern of the largest text, code, context and tags there can be has some less."""


def export_skills(
    library: Source,
    folder: str,
    patterns: Collection[Pattern] | None = None,
    *,
    prune: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """Write a folder of its own for each pattern, below *folder*; what has not changed is not touched.

    What has been written for patterns that are not among them stays, unless it is to be pruned; other files
    stay in any case. Skills say what outcomes there were, but only JSONL keeps each of them.

    Args:
        library: whose.
        folder: made if it is missing.
        patterns: which; None: all.
        prune: remove what earlier exports have written there of other patterns.
        progress: called with how many are written, and of how many.

    Returns:
        The names of the folders, in the order of the patterns.

    Raises:
        StateError: it cannot be written; the folders before stay.
        UsageError: somebody else's file or folder is in the way; it is untouched, the folders before stay.
    """
    names: list[str] = []
    total = library.count() if patterns is None else len(patterns)
    with contextlib.ExitStack() as stack:
        stack.callback(progress, total, total)
        try:
            top = private_folder(os.path.realpath(folder))
            for pattern in library.patterns() if patterns is None else patterns:
                names.append(skill_name(pattern.id))
                _write(top, names[-1], pattern)
                if len(names) < total:
                    progress(len(names), total)
            if prune:
                _prune(top, frozenset(names))
        except OSError as error:
            raise failure(error, harmless(folder)) from error
    return names


def import_skills(
    library: Target,
    folder: str,
    *,
    agent_id: str = "import",
    on_conflict: OnConflict = "skip",
    strict: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Imported:
    """Read skills: ours, which are the patterns they were, and those of other people; only each SKILL.md.

    Of a pattern that says what has taken its place, see `import_jsonl`.

    Args:
        library: where to.
        folder: one with skills directly below it, or that of a single one. Links in it are not followed.
        agent_id: who imports, for the provenance, and who has learned what other people's skills say.
        on_conflict: as for `import_jsonl`.
        strict: raise at the first skill that is refused; the batches before it stay.
        progress: called with how many are read, and of how many.

    Raises:
        NothingToRead: there is no such folder, or no skill in it.
        StateError: it cannot be read, or the library not be written; the batches before stay.
        UsageError: as *on_conflict* and *strict* say.
    """
    top = os.path.realpath(folder)
    intake = Intake(
        library, agent_id=agent_id, source=os.path.basename(top), on_conflict=on_conflict, strict=strict
    )
    found = list(_skills(top))
    if not found:
        raise NothingToRead(
            f"there is no {FILE} in {harmless(folder)}", hint="say which folder has skills in it"
        )
    with contextlib.ExitStack() as stack:
        stack.callback(progress, len(found), len(found))
        for done, (name, path) in enumerate(found):
            progress(done, len(found))
            where = f"{harmless(name)}/{FILE}"
            try:
                text = _text(path)
                pattern = pattern_in(text, name, agent_id)
            except QuarterdeckError as error:
                intake.refuse(where, error)
            except OSError as error:
                intake.refuse(where, failure(error, where))
            else:
                intake.take(where, pattern, size_bytes=len(text))
    return intake.end()


def _write(top: str, name: str, pattern: Pattern) -> None:
    place = os.path.join(top, name)
    path = os.path.join(place, FILE)
    if os.path.realpath(place) != place:
        raise _in_the_way(place, "a link")
    if os.path.lexists(place) and not os.path.isdir(place):
        raise _in_the_way(place, "a file")
    private_folder(place)
    content = skill_of(pattern).encode()
    if os.path.lexists(path):
        try:
            before = _text(path)
        except (QuarterdeckError, OSError):
            raise _in_the_way(path, "something else") from None
        if written_id(before) != pattern.id:
            raise _in_the_way(path, "somebody else's skill")
        if before.encode() == content:
            return
    elif not all(
        each.startswith(f"{FILE}.") for each in os.listdir(place)
    ):  # what a crash of ours left behind
        raise _in_the_way(place, "somebody else's folder")
    write_atomically(path, content)


def _prune(top: str, names: frozenset[str]) -> None:
    """Remove each skill that we have written under its own name, unless it is one of *names*."""
    for name, path in _below(top):
        if name not in names and _is_ours(name, path):
            os.unlink(path)
            with contextlib.suppress(OSError):  # somebody has put something beside it
                os.rmdir(os.path.dirname(path))


def _is_ours(name: str, path: str) -> bool:
    try:
        return skill_name(checks.identity(written_id(_text(path)))) == name
    except (QuarterdeckError, OSError):
        return False


def _in_the_way(path: str, what: str) -> UsageError:
    return UsageError(f"{harmless(path)} is {what}", hint="move it away, or export to another folder")


def _skills(top: str) -> Iterator[tuple[str, str]]:
    """The name and the file of each skill in *top*, by name; or of the one that *top* is."""
    if os.path.lexists(alone := os.path.join(top, FILE)):
        yield os.path.basename(top), alone
    else:
        yield from _below(top)


def _below(top: str) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(top) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise failure(error, harmless(top)) from error
    for name in folders:
        if os.path.lexists(path := os.path.join(top, name, FILE)):
            yield name, path


def _text(path: str) -> str:
    """The text of a plain file.

    Raises:
        OSError: it cannot be read, is a link, or no plain file.
        UsageError: it is too large, or not UTF-8.
    """
    with open(open_plain(path), "rb") as file:
        content = file.read(MAX_SKILL_BYTES + 1)
    if len(content) > MAX_SKILL_BYTES:
        raise TooLarge(f"it has more than {MAX_SKILL_BYTES} bytes", hint="keep it shorter")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UsageError("it is not UTF-8", hint="mend it, or leave it out") from None
