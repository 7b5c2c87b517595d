"""`python -m bench`: measure, record, show."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench import (
    costs,
    index,
    loop_discovery,
    loop_events,
    loop_metrics,
    memory,
    pattern_quality,
    pattern_regret,
    patterns,
    results,
)
from bench.corpora import CorpusUnavailable
from bench.measure import show
from bench.peers import PeerUnavailable
from bench.servers import ServerFailed

if TYPE_CHECKING:
    from types import ModuleType

PARTS: dict[str, ModuleType] = {
    "costs": costs,
    "index": index,
    "loop-discovery": loop_discovery,
    "loop-events": loop_events,
    "loop-metrics": loop_metrics,
    "memory": memory,
    "patterns": patterns,
    "pattern-quality": pattern_quality,
    "pattern-regret": pattern_regret,
}
ROUNDS = 9
QUICK_ROUNDS = 3


def main(arguments: list[str]) -> int:
    """Exit code 1 when a contender could not be made ready; a contender that fails is a result."""
    parser = argparse.ArgumentParser(
        prog="./run bench", description="Quarterdeck side by side with its peers."
    )
    parser.add_argument("part", nargs="?", choices=sorted(PARTS), help="only this part")
    parser.add_argument("--quick", action="store_true", help="one code base, few rounds; nothing is recorded")
    parser.add_argument("--runs", type=int, metavar="N", help=f"timed rounds (default {ROUNDS})")
    parser.add_argument(
        "--write-readme",
        action="store_true",
        help="measure nothing; write the Markdown from the recorded results",
    )
    asked = parser.parse_args(arguments)
    if asked.write_readme:
        results.write_markdown()
        return 0
    rounds = asked.runs or (QUICK_ROUNDS if asked.quick else ROUNDS)
    try:
        for name in [asked.part] if asked.part else sorted(PARTS):
            part = PARTS[name]
            scenarios = part.run(rounds=rounds, quick=asked.quick, say=show)
            result = results.part_result(name, part.HEADLINE, scenarios)
            print(results.full_tables([result]))
            if not asked.quick:
                show(f"recorded in {results.save(result).relative_to(results.ROOT)}")
                results.write_markdown()
    except (CorpusUnavailable, PeerUnavailable, ServerFailed) as error:
        show(f"bench: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
