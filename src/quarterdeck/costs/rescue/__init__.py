"""Transcripts are copied before the agents purge them, and can be imported from the copies.

    places -> transcripts (each Source's own discovery) -> rescuing -> archive

    rescuing     goes through all transcripts there are
    archive      where the copies lie, and how one is made: <source>/<place>/<path>.zst
    retention    when an agent is going to delete a transcript

Claude Code deletes what has not changed for 30 days, Gemini CLI too. What has not been imported by then is
lost, and with it every answer to "why". Nothing is ever written where an agent keeps its files.
"""

from quarterdeck.costs.rescue.archive import archived_places
from quarterdeck.costs.rescue.rescuing import Expiring, RescueReport, rescue

__all__ = ["Expiring", "RescueReport", "archived_places", "rescue"]
