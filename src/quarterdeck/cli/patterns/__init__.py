"""``qd patterns``: what agents have learned, from a shell."""

from __future__ import annotations

import click

from quarterdeck.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "add": Entry("add", "Add a pattern, for every agent to find; prints its id."),
    "due": Entry("due", "List the patterns that somebody should look at again."),
    "export": Entry("export", "Write the library as a folder of skills or as JSON Lines."),
    "import": Entry("importing", "Take in patterns from a folder of skills or from JSON Lines."),
    "link": Entry("link", "Say that a pattern is related to another, takes its place or contradicts it."),
    "outcome": Entry("outcome", "Say whether a pattern has worked; its rank follows at once."),
    "query": Entry("query", "Find patterns as an agent does: by the situation it is in."),
    "reindex": Entry("reindex", "Make the search index anew; nothing else needs it."),
    "related": Entry("related", "List the patterns that are linked with one."),
    "rm": Entry("rm", "Remove patterns, with their outcomes and links."),
    "search": Entry("search", "Find patterns by words, and say why each was found."),
    "show": Entry("show", "Show all that is known of a pattern, and where it comes from."),
    "stats": Entry("stats", "Show how much is in the library."),
    "top": Entry("top", "List the best patterns."),
    "update": Entry("update", "Change fields of a pattern; its outcomes and links stay."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, package=__name__)
def command() -> None:
    """Find what agents have learned, ranked by how it turned out.

    \b
    qd patterns add --name "Set a busy timeout" --tag sqlite --description "A lock is a short wait."
    qd patterns search database is locked
    qd patterns outcome set-a-busy-timeout worked
    """
