"""What ``qd deps`` and ``qd dependents`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.cli.output import print_index_json, print_table, remark, say
from quarterdeck.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quarterdeck.index.project_index import ProjectIndex


def print_neighbours(
    index: ProjectIndex, path: str, reach: Mapping[str, int], *, verb: str, transitive: bool, as_json: bool
) -> None:
    """Print the files of *reach* (path -> distance): the direct ones, or all of them."""
    found = [(other, distance) for other, distance in reach.items() if transitive or distance == 1]
    remark(index.problems)
    if as_json:
        files = [{"path": other, "distance": distance} for other, distance in found]
        print_index_json(
            "dependencies" if verb == "depends on" else "dependents",
            index,
            {"path": path, "transitive": transitive, "files": files},
        )
    elif not found:
        say(f"{path} {verb} no file of the project")
    elif transitive:
        say(f"{path} {verb} {count(len(found), 'file')}, directly or through others")
        print_table(("file", "distance"), found)
    else:
        say(f"{path} {verb} {count(len(found), 'file')}", *(f"  {other}" for other, _ in found))
