"""Circles that agents in browsers, clusters, mailboxes and help desks go round in.

Each kind draws its tools, its words and its errors, and what no two outcomes share: ids, clocks, durations.
A round is one more time of what comes back; each has 6 to 25 of them. Those in which one error comes back are
`bench.loop_refusals`. Written for `bench.loop_afterwards`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.loop_refusals import (
    FEWEST,
    MOST,
    Circle,
    broken_cell,
    call,
    clock,
    hexadecimal,
    not_allowed,
    same_assertion,
    stubborn_command,
    wrong_column,
)
from quarterdeck.loops.events.model import AgentEvent, Kind

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PICO = 1_000_000_000_000


def dead_button(dice: random.Random) -> Circle:
    """A button is clicked, the page stays as it is."""
    label = dice.choice(("Continue", "Accept all", "Place order", "Next", "Load more", "Sign in"))
    index = dice.randint(3, 140)
    page = (
        f"[{index - 1}]<a>Help</a>\n[{index}]<button>{label}</button>\n[{index + 1}]<footer>Imprint</footer>"
    )
    looks = dice.random() < 0.5
    clicked = dice.choice(
        ("Clicked element {index}", "Clicked [{index}] <button> {label}; screenshot {shot}.png")
    )
    tool, given = dice.choice(
        (
            ("click_element_by_index", {"index": index}),
            ("browser_click", {"element": f"{label} button", "ref": f"e{index}"}),
            ("computer", {"action": "left_click", "coordinate": [index * 7, index * 3 + 60]}),
        )
    )
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        outcome = clicked.format(index=index, label=label, shot=hexadecimal(dice, 8))
        rounds.append([call(tool, given, outcome, failed=False)])
        if looks:
            rounds[-1].append(call("browser_snapshot", {}, page, failed=False))
    return Circle(rounds, frozenset({Kind.REPETITION, Kind.CYCLE, Kind.LOW_NOVELTY}))


def blocked_page(dice: random.Random) -> Circle:
    """A page is opened that lets no robot in; each refusal has a number of its own."""
    site = dice.choice(("shop.example.com", "tickets.example.org", "news.example.net"))
    url = f"https://{site}/{dice.choice(('list', 'item', 'search'))}?id={dice.randint(100, 9999)}"
    wall = dice.choice(
        (
            "Just a moment...\nChecking that you are human. This may take a few seconds.\nRay ID: {ray}",
            "Access Denied\nYou don't have permission to view this page.\nReference #18.{ray}",
            "Please enable JavaScript and cookies to continue (request {ray})",
        )
    )
    reads = dice.random() < 0.4
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        text = wall.format(ray=hexadecimal(dice, 16))
        rounds.append([call("browser_navigate", {"url": url}, f"Navigated to {url}\n{text}", failed=False)])
        if reads:
            rounds[-1].append(call("get_page_text", {"max_chars": 4000}, text, failed=False))
    return Circle(rounds, frozenset({Kind.REPETITION, Kind.CYCLE, Kind.LOW_NOVELTY, Kind.SAME_ERROR}))


def crashing_pod(dice: random.Random) -> Circle:
    """A pod is deleted; the one that takes its place, by another name, dies of the same thing."""
    app = dice.choice(("checkout", "ledger-api", "ingest", "web"))
    replica, namespace = hexadecimal(dice, 9), dice.choice(("prod", "staging", "default"))
    reason = dice.choice(
        (
            "panic: dial tcp 10.0.12.7:5432: connect: connection refused",
            "Error: Cannot find module '/app/dist/main.js'",
            "FATAL: environment variable DATABASE_URL is not set",
        )
    )
    rounds = []
    for _ in range(dice.randint(FEWEST, 15)):
        old, new = (f"{app}-{replica}-{hexadecimal(dice, 5)}" for _ in range(2))
        listed = (
            f"NAME  READY  STATUS  RESTARTS  AGE\n{new}  0/1  CrashLoopBackOff  {dice.randint(1, 4)}  "
            f"{dice.randint(11, 90)}s"
        )
        lines = (
            (f"kubectl delete pod {old} -n {namespace}", f'pod "{old}" deleted', False),
            (f"kubectl get pods -n {namespace} -l app={app}", listed, False),
            (
                f"kubectl logs {new} -n {namespace} --tail=20",
                f"{clock(dice)} starting {app}\n{reason}",
                False,
            ),
        )
        rounds.append([call("shell", {"command": line}, out, failed=failed) for line, out, failed in lines])
    return Circle(rounds, frozenset({Kind.CYCLE, Kind.REPETITION, Kind.LOW_NOVELTY, Kind.SAME_ERROR}))


def see_saw(dice: random.Random) -> Circle:
    """A line is changed for the compiler, and changed back for the compiler."""
    path, build, one, other, first, second = dice.choice(
        (
            (
                "src/cache.rs", "cargo build", "let entry = self.map.get(&key);",
                "let entry = self.map.remove(&key);",
                "error[E0507]: cannot move out of `*entry` which is behind a shared reference",
                "error[E0596]: cannot borrow `self.map` as mutable, as it is behind a `&` reference",
            ),
            (
                "src/main/java/app/Money.java", "mvn -q compile", "private final long cents;",
                "private final BigDecimal cents;",
                "[ERROR] Money.java:[41,20] incompatible types: BigDecimal cannot be converted to long",
                "[ERROR] Money.java:[57,29] bad operand types for binary operator '+'",
            ),
            (
                "web/tsconfig.json", "npx tsc --noEmit", '"module": "commonjs"', '"module": "nodenext"',
                "src/index.ts(3,20): error TS1378: Top-level 'await' expressions are only allowed when ...",
                "src/app.ts(1,22): error TS2835: Relative import paths need explicit file extensions",
            ),
        )
    )  # fmt: skip
    builds = dice.random() < 0.7
    rounds: list[list[AgentEvent]] = []
    for _ in range(dice.randint(FEWEST, 15)):
        rounds.append([])
        for find, put, error in ((one, other, second), (other, one, first)):
            given = {"path": path, "find": find, "replace": put}
            rounds[-1].append(call("edit_file", given, f"1 replacement made in {path}", failed=False))
            if builds:
                outcome = f"{error}\nexit status 101 after {dice.uniform(1, 40):.2f}s"
                rounds[-1].append(call("run_build", {"command": build}, outcome, failed=True))
    return Circle(rounds, frozenset({Kind.ALTERNATION, Kind.CYCLE, Kind.LOW_NOVELTY}))


def toggled_switch(dice: random.Random) -> Circle:
    """On, still broken; off, still broken."""
    flag = dice.choice(("new_checkout", "use_http2", "async_writes", "strict_mode"))
    looks = dice.random() < 0.6
    rounds: list[list[AgentEvent]] = []
    for _ in range(dice.randint(FEWEST, 15)):
        rounds.append([])
        for value in (True, False):
            answer = {"flag": flag, "enabled": value, "revision": dice.randint(1000, 9999)}
            rounds[-1].append(
                call("set_feature_flag", {"name": flag, "enabled": value}, answer, failed=False)
            )
            if looks:
                health = f"503 Service Unavailable\nx-request-id: {hexadecimal(dice, 20)}"
                rounds[-1].append(call("http_get", {"path": "/healthz"}, health, failed=False))
    return Circle(rounds, frozenset({Kind.ALTERNATION, Kind.CYCLE, Kind.LOW_NOVELTY}))


def apologies(dice: random.Random) -> Circle:
    """Nobody has said anything since the last apology."""
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        sorry = dice.choice(("I'm so sorry about that", "I sincerely apologize", "Apologies for the trouble"))
        about = dice.choice(("for the delay", "for any inconvenience", "for the confusion I have caused"))
        offer = dice.choice(
            ("I am still looking into your order", "I'll get this sorted", "Thank you for waiting")
        )
        rounds.append([AgentEvent.said(f"{sorry} {about}. {offer}.")])
    return Circle(rounds, frozenset({Kind.MONOLOGUE}))


def promises(dice: random.Random) -> Circle:
    """What is about to be done, again and again, and it is not done."""
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        start = dice.choice(
            ("Now I will", "Let me go ahead and", "Next I'm going to", "Okay. I shall", "First, let me")
        )
        what = dice.choice(("write the parser", "open the config", "add the tests", "refactor the handler"))
        why = dice.choice(
            ("so that we can move on", "as planned", "to finish this task", "before anything else")
        )
        rounds.append([AgentEvent.said(f"{start} {what} {why}.")])
    return Circle(rounds, frozenset({Kind.MONOLOGUE}))


def chant(dice: random.Random) -> Circle:
    """One message that does not find its end."""
    many = range(1, dice.randint(15, 80))
    body = dice.choice(
        (
            lambda: " ".join(
                "I need to check the invoice again before I reply to the customer." for _ in many
            ),
            lambda: "\n".join(f"{n}. Update the documentation to reflect the change." for n in many),
            lambda: "".join('{"role": "viewer", "enabled": true}, ' for _ in many),
            lambda: " ".join(
                "Wait, no. Let me reconsider. Actually, the first answer was right." for _ in many
            ),
        )
    )()
    opening = dice.choice(("", "Here is what I found so far.\n", "Let me think about this carefully. "))
    return Circle([[AgentEvent.said(opening + body)]], frozenset({Kind.MONOLOGUE}))


def in_other_words(dice: random.Random) -> Circle:
    """A mail, a document, a ticket is looked for under all names it might have; it is not there."""
    tool, key = dice.choice((("search_emails", "query"), ("drive_search", "q"), ("find_tickets", "text")))
    nothing = dice.choice(
        ("No results found.", "[]", '{"items": [], "total": 0}', "0 messages matched your search")
    )
    same = "1 result\n- Re: Offsite lunch menu (Mar 3, from: Priya)"
    outcome = dice.choice((nothing, same))
    words = (
        "invoice",
        "contract",
        "Q3",
        "renewal",
        "Acme",
        "signed",
        "pdf",
        "final",
        "agreement",
        "2025",
        "draft",
    )
    rounds = []
    for _ in range(dice.randint(FEWEST, MOST)):
        query = " ".join(dice.sample(words, dice.randint(1, 4)))
        query = dice.choice(("", "", "subject:", "from:legal ", "has:attachment ")) + query
        rounds.append([call(tool, {key: query, "limit": dice.choice((10, 20, 50))}, outcome, failed=False)])
    return Circle(rounds, frozenset({Kind.LOW_NOVELTY, Kind.REPETITION, Kind.SAME_ERROR}))


def after_compaction(dice: random.Random) -> Circle:
    """The same few files are read once more because nobody remembers them, in whatever order."""
    paths = dice.sample(
        (
            "PLAN.md",
            "go.mod",
            "cmd/main.go",
            "internal/store.go",
            "internal/http.go",
            "README.md",
            "Makefile",
        ),
        dice.randint(3, 6),
    )
    texts = {path: "\n".join(hexadecimal(dice, 24) for _ in range(dice.randint(5, 30))) for path in paths}
    rounds = []
    for _ in range(dice.randint(FEWEST, 12)):
        order = dice.sample(paths, len(paths)) if dice.random() < 0.5 else paths
        told = dice.choice(
            ("Context was summarized. ", "Resuming from the summary. ", "Picking up where I left off. ")
        )
        rounds.append(
            [AgentEvent.said(told + dice.choice(("First I re-read the files.", "Reading the plan first.")))]
        )
        rounds[-1] += [call("view_file", {"path": path}, texts[path], failed=False) for path in order]
    return Circle(rounds, frozenset({Kind.LOW_NOVELTY, Kind.REPETITION, Kind.CYCLE}))


def burning_money(dice: random.Random) -> Circle:
    """A dear adviser is asked one thing after the other; whoever counts says that nothing has come of it."""
    topics = ("sharding", "retries", "indexes", "caching", "locking", "batching", "quorum", "backpressure")
    rounds = []
    for number in range(dice.randint(10, MOST)):
        one, other = dice.sample(topics, 2)
        question = f"Would {one} or {other} explain the slow request {hexadecimal(dice, 6)}? ({number})"
        answer = f"Perhaps {other}; {one} cannot be ruled out. Trace {hexadecimal(dice, 12)} is of no help."
        cost = int(dice.uniform(0.5, 2.0) * PICO)
        rounds.append(
            [
                call(
                    "ask_adviser",
                    {"prompt": question},
                    answer,
                    failed=False,
                    cost_picousd=cost,
                    progress=False,
                )
            ]
        )
    return Circle(rounds, frozenset({Kind.SPEND, Kind.LOW_NOVELTY}))


def desk_round(dice: random.Random) -> Circle:
    """Five to eight questions to the shop's systems, in one order, and the answers that it has already."""
    customer, order = f"C-{dice.randint(1000, 9999)}", f"O-{dice.randint(10000, 99999)}"
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = dice.sample(
        (
            ("get_customer", {"id": customer}, {"id": customer, "tier": "gold"}),
            ("get_order", {"id": order}, {"id": order, "state": "shipped"}),
            ("track_parcel", {"order": order}, {"carrier": "DHL", "state": "in transit"}),
            ("list_notes", {"customer": customer}, {"notes": []}),
            ("get_refund_policy", {"region": "EU"}, {"days": 30}),
            ("list_payments", {"order": order}, {"payments": [{"amount": 59.9, "state": "captured"}]}),
            ("get_ticket", {"customer": customer}, {"state": "open", "topic": "late parcel"}),
            ("search_articles", {"topic": "late parcel"}, {"articles": ["How long does it take?"]}),
        ),
        dice.randint(5, 8),
    )
    is_traced = dice.random() < 0.5
    rounds: list[list[AgentEvent]] = []
    for _ in range(dice.randint(FEWEST, 12)):
        rounds.append([])
        for tool, given, answer in asked:
            trace = {"request_id": hexadecimal(dice, 16)} if is_traced else {}
            rounds[-1].append(call(tool, given, {**answer, **trace}, failed=False))
    return Circle(rounds, frozenset({Kind.CYCLE, Kind.LOW_NOVELTY, Kind.REPETITION}))


CIRCLES: dict[str, Callable[[random.Random], Circle]] = {
    "a dead button": dead_button,
    "a page that blocks robots": blocked_page,
    "a column that there is not": wrong_column,
    "a notebook's broken cell": broken_cell,
    "one command, other options": stubborn_command,
    "a pod that keeps crashing": crashing_pod,
    "see-saw for a compiler": see_saw,
    "a switch on and off": toggled_switch,
    "apologies": apologies,
    "promises": promises,
    "one chanting message": chant,
    "searching in other words": in_other_words,
    "reading after compaction": after_compaction,
    "a calendar nobody may write": not_allowed,
    "a dear adviser": burning_money,
    "one assertion, many edits": same_assertion,
    "rounds of a help desk": desk_round,
}
