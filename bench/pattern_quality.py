"""How much of what should be found is found, and how far up: other people's questions and answers.

    `tool_questions` -> `programs.rankings` for each engine -> its ten best for every question -> two figures

    nDCG@10      1 when the tools that should be found come first; each counts 1 / log2(1 + its place)
    recall@10    how many of them are among the ten

Both are means over all questions. What our search leaves to choice (stop words, weights) was chosen by one
half of the questions; the other half, whose tools have other names, is shown by itself.

Source: K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), with gains
of 0 and 1.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from bench import peers, tool_questions
from bench.results import Fact, ScenarioResult, facts_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.tool_questions import QuestionSet

BEST = 10
QUICK_SHARE = 8
"""When it has to be quick, one question in so many is asked."""

SUBJECT = "Quarterdeck"
SEMANTIC = "Quarterdeck, extra semantic"
ENGINES = {
    SUBJECT: "quarterdeck",
    SEMANTIC: "quarterdeck-semantic",
    "SQLite FTS5": "fts5",
    "tantivy": "tantivy",
    peers.BM25S.label: "bm25s",
    peers.EMPATHY.label: "empathy",
}
"""Contender -> what `bench.programs.rankings` calls it."""
HEADLINE = tuple(ENGINES)


class Quality(NamedTuple):
    """Of one engine's answers, 0 to 1."""

    ndcg: float
    recall: float


def run(*, rounds: int, quick: bool, say: Callable[[str], None]) -> list[ScenarioResult]:  # noqa: ARG001
    """One scenario for each set of questions; once, as answers do not vary.

    Args:
        rounds: makes no difference.
        quick: ask only some of the questions.
        say: told what is being done.

    Raises:
        CorpusUnavailable: the questions cannot be had.
        PeerUnavailable: an engine cannot.
    """
    say("preparing the contenders")
    pythons = _install()
    data = tool_questions.fetch()
    results = []
    for make in (tool_questions.requests, tool_questions.turns):
        asked = make(data)
        asked = asked._replace(questions=asked.questions[:: QUICK_SHARE if quick else 1])
        facts = []
        for contender, engine in ENGINES.items():
            say(f"{asked.name}: {contender}")
            facts.append(_fact(contender, asked, pythons[contender], engine))
        corpus = f"BFCL {tool_questions.VERSION}, {len(asked.tools):,} tools"
        results.append(
            facts_result(
                f"nDCG@10 / recall@10, {asked.name}", corpus, len(asked.questions), facts, unit="questions"
            )
        )
    return results


def quality(rankings: Iterable[tuple[Sequence[int], frozenset[int]]]) -> Quality:
    """The means over pairs of what was found, best first, and what should have been; at least one pair."""
    gained, found = [], []
    for ranking, answers in rankings:
        best = list(dict.fromkeys(ranking))[:BEST]
        gain = sum(_discount(place) for place, number in enumerate(best) if number in answers)
        gained.append(gain / sum(map(_discount, range(min(BEST, len(answers))))))
        found.append(len(answers.intersection(best)) / len(answers))
    return Quality(statistics.fmean(gained), statistics.fmean(found))


def _discount(place: int) -> float:
    """What counts at *place*, from 0."""
    return 1.0 / math.log2(place + 2)


def _fact(contender: str, asked: QuestionSet, python: str, engine: str) -> Fact:
    program = peers.ROOT / "bench" / "programs" / "rankings.py"
    given = json.dumps({"tools": asked.tools, "questions": [each.text for each in asked.questions]})
    with tempfile.TemporaryDirectory() as home:  # nobody's own settings
        done = subprocess.run(
            [python, "-P", str(program), engine],
            input=given,
            env={**os.environ, "HOME": home, "QUARTERDECK_HOME": home},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        return Fact(contender, "", {}, lines[-1][:120])
    pairs = list(zip(json.loads(done.stdout), asked.questions, strict=True))
    whole = quality((ranking, each.answers) for ranking, each in pairs)
    other = quality((ranking, each.answers) for ranking, each in pairs if not each.is_tuned_on)
    text = f"{whole.ndcg:.3f} / {whole.recall:.3f} (other half {other.ndcg:.3f} / {other.recall:.3f})"
    figures = {"nDCG@10": whole.ndcg, "recall@10": whole.recall}
    figures |= {"nDCG@10, other half": other.ndcg, "recall@10, other half": other.recall}
    return Fact(contender, text, figures)


def _install() -> dict[str, str]:
    """The interpreter of each contender, in an environment of its own; ours brings two of the peers along."""
    ours = peers.install_quarterdeck()
    folders = {
        **dict.fromkeys((SUBJECT, "SQLite FTS5", "tantivy"), ours),
        SEMANTIC: peers.install_quarterdeck("semantic"),
        **{peer.label: peers.install(peer) for peer in (peers.BM25S, peers.EMPATHY)},
    }
    return {contender: str(folder / "python") for contender, folder in folders.items()}
