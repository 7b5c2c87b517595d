"""What spans and events have in common: who asked, when, and under which name it counts once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from quarterdeck.costs.capture.extract_usage import MIN_ID_CHARS
from quarterdeck.costs.capture.fields import text
from quarterdeck.costs.line import EARLIEST, LATEST
from quarterdeck.costs.model import label
from quarterdeck.errors import UsageError

if TYPE_CHECKING:
    from quarterdeck.costs.capture.attributes import Attributes
    from quarterdeck.costs.model import Request

OTLP = "otlp"
CLAUDE_CODE = "claude-code"
"""Sources; the second as the importer of its transcripts calls it."""

SESSION = (
    "session.id", "gen_ai.conversation.id", "langfuse.session.id", "ai.telemetry.metadata.sessionId",
    "traceloop.association.properties.session_id",
)  # fmt: skip
USER = (
    "user.id", "enduser.id", "langfuse.user.id", "ai.telemetry.metadata.userId",
    "traceloop.association.properties.user_id",
)  # fmt: skip
PROJECT = ("project", "project.name", "project.id")
UNNAMED_SERVICE = "unknown_service"
"""What an SDK writes where nobody named the service."""

TAGS = {"service": "service.name", "agent": "gen_ai.agent.name", "query_source": "query_source"}


class Reading(NamedTuple):
    """What one export holds.

    Attributes:
        requests: to be recorded.
        rejected: how many entries hold counts that cannot be meant.
        message: why, for the sender; without any rejected: what was left out, and should perhaps not be.
    """

    requests: list[Request]
    rejected: int = 0
    message: str = ""


def labelled(request: Request, told: Attributes, resource: Attributes) -> Request:
    """*request* with session, user, project and tags; what *told* says wins over its *resource*.

    The service is the project, unless one is named; but not where the service is an agent that works on many.
    """
    service = "" if request.source == CLAUDE_CODE else text(resource, "service.name")
    if service.startswith(UNNAMED_SERVICE):
        service = ""
    tags = {tag: text(told, name) or text(resource, name) for tag, name in TAGS.items()}
    return request._replace(
        session=text(told, *SESSION) or text(resource, *SESSION),
        user=text(told, *USER) or text(resource, *USER),
        project=text(told, *PROJECT) or text(resource, *PROJECT) or service,
        tags={tag: value for tag, value in tags.items() if value},
    )


def identity(response_id: str, span: tuple[str, str]) -> str:
    """What stays the same however often a request is sent, and by whichever library that saw it.

    Args:
        response_id: the provider's; used where it is unique.
        span: trace and span, empty where there are none.
    """
    if len(response_id) >= MIN_ID_CHARS:
        return response_id
    return label(":".join(span)) if all(span) else ""


def moment(nanoseconds: object) -> datetime | None:
    """A time of OTLP, a number or a string; None where there is none.

    Raises:
        UsageError: it is no time of a request to a model.
    """
    if not isinstance(nanoseconds, int | str) or nanoseconds in {0, "0", ""}:
        return None
    try:
        at = datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        at = EARLIEST.replace(year=1)
    if not EARLIEST <= at < LATEST:
        raise UsageError("a time is not in nanoseconds since 1970", hint="is the sender's clock right?")
    return at
