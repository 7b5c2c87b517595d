"""What is written into a library: patterns, what came of them, and how they hang together."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from quarterdeck.errors import ScrubRefused, TooLarge, UsageError
from quarterdeck.patterns import checks
from quarterdeck.patterns.model import Link, LinkKind, Origin, Outcome, Pattern, link_kind
from quarterdeck.patterns.shelf import Shelf
from quarterdeck.patterns.truth import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from quarterdeck.scrub import Scrubber

_BATCH = 2_000
OWN_FIELDS = frozenset(
    ("id", "usage_count", "success_count", "failure_count", "last_used", "discovered_at", "superseded_by")
)
"""What `update_pattern` leaves alone: the library keeps them."""
_SAID_FIELDS = tuple(name for name in Pattern.__struct_fields__ if name not in OWN_FIELDS)
_TEXTS = ("name", "description", "context", "code", "tags", "pattern_type", "source")
"""What is scrubbed. An id is a name that others refer to, and so is an agent's: nothing is taken out of
those, one that is a secret is refused."""


class Writing(Shelf):
    """The room in which the library grows and learns."""

    _scrubber: Scrubber | None = None

    def contribute_pattern(self, agent_id: str, pattern: Pattern, *, source: str = "") -> None:
        """Add a pattern; every agent, in every process, finds it from now on. About 100 us, one commit.

        Secrets and personal data in it are taken out first, unless the settings say otherwise.

        Args:
            agent_id: who contributes it; ``pattern.agent_id`` is who learned it.
            pattern: its id must be new.
            source: where it comes from, for its provenance; empty: ``pattern.source``.

        Raises:
            ScrubRefused: its id, an agent's name, or something that cannot be taken out is secret.
            StateError: the file cannot be written; nothing is lost.
            UsageError: that is no pattern, or there is one of that id.
        """
        agent = self._name(agent_id, "agent_id")
        (clean,) = self._clean([pattern])
        source = self._source(source) if source else clean.source
        self.truth.contribute([clean], act="contributed", agent_id=agent, source=source)

    def contribute_many(
        self, agent_id: str, patterns: Iterable[Pattern], *, act: str = "contributed", source: str = ""
    ) -> int:
        """Add many patterns in transactions of some thousand each; bounded memory.

        Args:
            agent_id: who contributes them.
            patterns: their ids must be new.
            act: what to call it in their provenance.
            source: where they come from, for their provenance.

        Returns:
            How many there were. When one of them is refused, those of the transactions before it stay.

        Raises:
            ScrubRefused, StateError, UsageError: as `contribute_pattern`.
        """
        if not isinstance(patterns, Iterable):
            raise _no_pattern(patterns)
        agent, act = self._name(agent_id, "agent_id"), self._name(act, "act")
        source = self._source(source)
        rest, count = iter(patterns), 0
        while chunk := list(islice(rest, _BATCH)):
            self.truth.contribute(self._clean(chunk), act=act, agent_id=agent, source=source)
            count += len(chunk)
        return count

    def followed(self, source: str) -> str | None:
        """How far this library has followed *source*; None: not yet."""
        return self.truth.absorbed(checks.source(source))

    def follow(
        self,
        source: str,
        cursor: str,
        patterns: Sequence[Pattern],
        acts: Mapping[str, tuple[str, str]] = {},
    ) -> int:
        """Take over what an event log says, each pattern once, and how far it was read; one commit.

        Args:
            source: which log.
            cursor: how far it has been read with these; `followed` gives it back.
            patterns: what it says. Left out is one whose id the library has, or has had from that source; and
                one that `contribute_pattern` would refuse as secret, or that is too long without what is
                secret in it: nobody could mend the log.
            acts: for their provenance, by id: the act that the log tells of, and which agent did it; of one
                that is not there ``promoted``, nobody knows by whom.

        Returns:
            How many were new.

        Raises:
            ScrubRefused: *source* or *cursor* is secret.
            StateError: the file cannot be written; nothing has happened.
            UsageError: one of these cannot be meant.
        """
        log = self._name(checks.source(source), "source of a pattern", may_be_empty=True)
        cursor = self._name(cursor, "cursor of a source")
        clean: list[Pattern] = []
        told: dict[str, tuple[str, str]] = {}
        for pattern in _patterns(patterns):
            act, agent = acts.get(pattern.id, ("promoted", ""))
            with suppress(ScrubRefused, TooLarge):
                told[pattern.id] = self._name(act, "act"), self._name(agent, "agent_id", may_be_empty=True)
                clean += self._clean([pattern])
        return self.truth.absorb(log, cursor, clean, acts=told)

    def update_pattern(self, pattern_id: str, *, by: str = "", **changes: object) -> Pattern:
        """Say fields of a pattern anew, in one transaction; its outcomes and links stay.

        Args:
            pattern_id: which.
            by: which agent, for its provenance.
            changes: fields of `Pattern`, except those that the library itself keeps.

        Returns:
            The pattern as it is now.

        Raises:
            ScrubRefused: an agent's name, or something that cannot be taken out, is secret.
            UsageError: there is none of that id, no such field, or the value cannot be one.
        """
        own = sorted(OWN_FIELDS.intersection(changes))
        unknown = sorted(set(changes).difference(Pattern.__struct_fields__))
        if own or unknown:
            raise UsageError(
                f"{', '.join(own + unknown)} of a pattern cannot be updated",
                hint=f"what can: {', '.join(_SAID_FIELDS)}",
            )

        if "agent_id" in changes:
            self._name(changes["agent_id"], "agent_id of a pattern")

        def change(pattern: Pattern) -> Pattern:
            return self._scrubbed(msgspec.structs.replace(pattern, **changes))

        return self.truth.update(checks.identity(pattern_id), change, agent_id=self._agent(by))

    def delete_pattern(self, pattern_id: str, *, agent_id: str = "") -> bool:
        """Remove a pattern with its outcomes and links; its id may then be used again.

        Returns:
            Whether there was one.
        """
        return self.truth.delete(checks.identity(pattern_id), agent_id=self._agent(agent_id))

    def record_pattern_outcome(
        self,
        pattern_id: str,
        success: bool,
        *,
        agent_id: str = "",
        note: str = "",
        at: datetime | None = None,
    ) -> None:
        """Say what came of using a pattern; its rank follows at once.

        Args:
            pattern_id: which.
            success: whether it worked; of a pattern to avoid, whether heeding it was right.
            agent_id: who used it.
            note: what happened, in words.
            at: when; None: now, and so is what a clock that is ahead calls the future.

        Raises:
            UsageError: there is none of that id, or *success* is neither true nor false.
        """
        worked, moment = _success(success), self._past(at)
        agent = self._agent(agent_id)
        note = self._scrubbed_text(checks.text(note, "note of an outcome"))
        self.truth.record([Outcome(checks.identity(pattern_id), worked, moment, agent, note)])

    def link_patterns(
        self, pattern_id: str, other_id: str, kind: LinkKind | str = LinkKind.RELATED, *, agent_id: str = ""
    ) -> bool:
        """Say how two patterns hang together.

        Args:
            pattern_id: one of them.
            other_id: the other.
            kind: ``related``, ``contradicts``, or ``supersedes``: the first takes the place of the other,
                which is then found only if asked for.
            agent_id: by whom.

        Returns:
            Whether that was new.

        Raises:
            UsageError: one of them is not there, both are the same, or they would supersede each other.
        """
        ids = checks.identity(pattern_id), checks.identity(other_id)
        return self.truth.link(*ids, link_kind(kind), agent_id=self._agent(agent_id))

    def unlink_patterns(
        self, pattern_id: str, other_id: str, kind: LinkKind | str = LinkKind.RELATED
    ) -> bool:
        """Take back what `link_patterns` said; whether it had been said."""
        ids = checks.identity(pattern_id), checks.identity(other_id)
        return self.truth.unlink(*ids, link_kind(kind))

    def restore_many(self, records: Iterable[Record], agent_id: str, *, source: str = "") -> None:
        """Add patterns with their past, as `history` of another library tells it, in one transaction.

        They rank as they did there. What is secret in their past is taken out as well.

        Args:
            records: the ids of their patterns must be new; those without one go on with one that is there.
            agent_id: who imports them: that is the last act of their provenance.
            source: from where.

        Raises:
            ScrubRefused, StateError, UsageError: as `contribute_pattern`; nothing was added.
        """
        agent, source = self._name(agent_id, "agent_id"), self._source(source)
        self.truth.restore(
            [self._clean_record(each) for each in _told(records, Record)], agent_id=agent, source=source
        )

    def link_many(self, links: Iterable[Link], *, agent_id: str = "") -> int:
        """Link patterns as `history` of another library tells it, in one transaction.

        Args:
            links: those that are there stay as they are.
            agent_id: who imports them, for the provenance of what they retire.

        Returns:
            How many were new.

        Raises:
            UsageError: as `link_patterns`; nothing was linked.
        """
        checked = [self._clean_link(each) for each in _told(links, Link)]
        return self.truth.link_all(checked, agent_id=self._agent(agent_id))

    def _clean(self, patterns: Sequence[Pattern]) -> list[Pattern]:
        """*patterns*, if that is what they are, as they may be kept.

        Raises:
            ScrubRefused: a name in one, or something that cannot be taken out, is secret.
        """
        for pattern in _patterns(patterns):
            self._refuse(pattern.id, "id of a pattern")
            self._refuse(pattern.agent_id, "agent_id of a pattern")
            self._refuse(pattern.superseded_by or "", "superseded_by of a pattern")
        return [self._scrubbed(pattern) for pattern in patterns]

    def _clean_record(self, record: Record) -> Record:
        """*record*, as it may be kept."""
        origins = [
            Origin(
                self._past(each.at),
                self._name(each.act, "act"),
                self._agent(each.agent_id),
                self._source(each.source),
                self._scrubbed_json(checks.context(each.details, "details of an origin")),
            )
            for each in _told(record.origins, Origin)
        ]
        outcomes = [
            Outcome(
                record.pattern_id,
                _success(each.success),
                self._past(each.at),
                self._agent(each.agent_id),
                self._scrubbed_text(checks.text(each.note, "note of an outcome")),
            )
            for each in _told(record.outcomes, Outcome)
        ]
        pattern = None if record.pattern is None else self._clean([record.pattern])[0]
        pattern_id = checks.identity(record.pattern_id if pattern is None else pattern.id)
        return Record(pattern_id, pattern, _weights(record.weights), tuple(origins), tuple(outcomes))

    def _clean_link(self, link: Link) -> Link:
        return Link(
            link_kind(link.kind),
            checks.identity(link.source),
            checks.identity(link.target),
            self._past(link.created_at),
            self._agent(link.agent_id),
        )

    def _past(self, at: object) -> datetime:
        """*at*, but never later than now."""
        now = self._now()
        return min(checks.moment(at, "at") or now, now)

    def _scrubbed(self, pattern: Pattern) -> Pattern:
        """*pattern* without what is secret or personal."""
        if not self.settings.scrub:
            return pattern
        said = {name: getattr(pattern, name) for name in _TEXTS}
        data = msgspec.json.encode(said)
        clean = self._scrub().scrub(data)
        return pattern if clean is data else msgspec.structs.replace(pattern, **msgspec.json.decode(clean))

    def _scrubbed_text(self, text: str) -> str:
        return str(self._scrubbed_json(text))

    def _scrubbed_json(self, value: Any) -> Any:  # noqa: ANN401 JSON
        if not self.settings.scrub or not value:
            return value
        return msgspec.json.decode(self._scrub().scrub(msgspec.json.encode(value)))

    def _source(self, source: object) -> str:
        return checks.source(self._scrubbed_text(checks.source(source)))

    def _agent(self, agent_id: object) -> str:
        return self._name(agent_id, "agent_id", may_be_empty=True)

    def _name(self, value: object, what: str, *, may_be_empty: bool = False) -> str:
        """*value*, if it is one line and no secret."""
        name = checks.line(value, what, may_be_empty=may_be_empty)
        self._refuse(name, what)
        return name

    def _refuse(self, name: str, what: str) -> None:
        """Raise when a name is secret.

        Raises:
            ScrubRefused: it is; the message tells only its kind.
        """
        if self.settings.scrub and name:
            self._scrub().refuse(name, what)

    def _scrub(self) -> Scrubber:
        if self._scrubber is None:
            from quarterdeck.scrub import Scrubber

            self._scrubber = Scrubber()
        return self._scrubber


def _patterns(patterns: Sequence[Pattern]) -> Sequence[Pattern]:
    """*patterns*, if that is what they are."""
    if not isinstance(patterns, list | tuple):
        raise _no_pattern(patterns)
    for pattern in patterns:
        if not isinstance(pattern, Pattern):
            raise _no_pattern(pattern)
    return patterns


def _no_pattern(value: object) -> UsageError:
    return UsageError(
        f"a Pattern is needed, got {checks.told(value)}", hint="from quarterdeck.patterns import Pattern"
    )


def _success(value: object) -> bool:
    """*value*, if it says whether something worked."""
    if not isinstance(value, bool):
        raise UsageError(
            f"success must be True or False, got {checks.told(value)}", hint="say whether it worked"
        )
    return value


def _told(value: object, kind: type) -> list[Any]:
    """What *value* has, if all of it is of that *kind*, as a history has it."""
    found = list(value) if isinstance(value, Iterable) else [value]
    for each in found:
        if not isinstance(each, kind):
            raise UsageError(
                f"a {kind.__name__} of a history is needed, got {checks.told(each)}",
                hint="for example of other.history()",
            )
    return found


def _weights(value: object) -> tuple[float, float] | None:
    """*value*, if it can say what successes and failures weigh."""
    if value is None or (
        isinstance(value, tuple) and len(value) == 2 and all(type(each) in {int, float} for each in value)
    ):
        return value
    raise UsageError(
        f"the weights of a record must be two numbers, got {checks.told(value)}", hint="None: not known"
    )
