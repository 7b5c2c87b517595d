"""What PostgreSQL says when it refuses, as errors that say how to mend it."""

from __future__ import annotations

from quarterdeck.errors import StateError, StoreBusy, StoreFull
from quarterdeck.words import harmless


def unreachable(said: str, password: str) -> StateError:
    """Why there is no connection, without the password."""
    reason = harmless(" ".join(said.split()))
    if password:
        reason = reason.replace(password, "***")
    hint = "check that the server runs, and host, port and database in the connection string"
    if "password" in reason or "authentication" in reason or "pg_hba" in reason:
        hint = "check user and password (~/.pgpass or PGPASSWORD keeps it), and what pg_hba.conf allows"
    return StateError(f"no connection to PostgreSQL: {reason:.500}", hint=hint)


def refused(state: str, said: str) -> StateError:
    """What a server that had been reached *said*, as one of ours; *state* is its SQLSTATE, empty for none."""
    reason = harmless(" ".join(said.split()))[:500]
    if state in {"55P03", "57014", "40P01", "40001"}:
        return StoreBusy(
            f"PostgreSQL gave up waiting: {reason}",
            hint="another process holds a lock, or the server is slow; run it again, nothing is doubled",
        )
    if state == "53100":
        return StoreFull(
            f"PostgreSQL is full: {reason}", hint="free some space on the server and run it again"
        )
    if state == "42501":
        return StateError(
            f"PostgreSQL refuses: {reason}",
            hint="let the owner grant USAGE on the schema and SELECT, INSERT, UPDATE, DELETE on its tables, "
            "or ship into a schema of your own",
        )
    if state == "25006":
        return StateError(f"PostgreSQL refuses: {reason}", hint="this is a replica: ship to the primary")
    if state.startswith("42"):  # tables or columns that are not there, or are there already
        return StateError(
            f"the schema in PostgreSQL is not what Quarterdeck has made: {reason}",
            hint="ship into another schema, or drop this one to ship everything anew",
        )
    if not state or state.startswith(("08", "57P")):
        return StateError(
            f"the connection to PostgreSQL was lost: {reason}",
            hint="run the command again: it goes on where it was, and nothing is doubled",
        )
    return StateError(
        f"PostgreSQL refuses: {reason}", hint="see the server's log, then run the command again"
    )
