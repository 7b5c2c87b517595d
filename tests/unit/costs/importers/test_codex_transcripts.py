"""What the events of Codex mean."""

from __future__ import annotations

import io
import json
import os

import pytest

from quarterdeck.costs.importers.codex import SOURCE, UNKNOWN_MODEL, places, read
from quarterdeck.costs.importers.source import Problem, Skipped
from quarterdeck.costs.importers.transcript import Transcript
from quarterdeck.costs.model import Usage

TURN = "01a0249b-250c-7e13-a32d-82b9746dd022"
NEXT_TURN = "01a0249c-0000-7e13-a32d-82b9746dd022"
PATH = "/c/rollout-2026-09-03T10-00-00-s1.jsonl"


def event(kind, second=0, **payload):
    """One line."""
    return {"timestamp": f"2026-09-03T10:00:{second:02}Z", "type": kind, "payload": payload}


def meta(session="s1", second=0, **more):
    """The first line of a session."""
    return event("session_meta", second, id=session, cwd="/home/ada/engine", **more)


def turn(turn_id=TURN, model="gpt-5-codex", second=0):
    """A turn begins."""
    return event("turn_context", second, turn_id=turn_id, model=model, cwd="/home/ada/engine")


def counters(went_in, came_out, cached=0, reasoning=0):
    """As Codex writes them."""
    return {
        "input_tokens": went_in,
        "cached_input_tokens": cached,
        "output_tokens": came_out,
        "reasoning_output_tokens": reasoning,
        "total_tokens": went_in + came_out,
    }


def count(total=None, last=None, second=1):
    """The counters are shown."""
    info = {"total_token_usage": total and counters(*total), "last_token_usage": last and counters(*last)}
    return event("event_msg", second, type="token_count", info=info, rate_limits={"used_percent": 1.5})


def found(*lines, state=None, path=PATH):
    """What reading *lines* gives."""
    content = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    return list(read(Transcript(path, io.BytesIO(content), state=state)))


def test_a_request_is_what_the_totals_have_gained():
    """Input includes what was cached, output includes reasoning."""
    first, second = found(meta(), turn(), count((100, 10, 40, 5)), count((300, 35, 140, 9), second=2))
    assert first.usage == Usage(100, 10, 40, reasoning_output_tokens=5)
    assert second.usage == Usage(200, 25, 100, reasoning_output_tokens=4)
    assert (second.model, second.session, second.project) == ("gpt-5-codex", "s1", "/home/ada/engine")
    assert second.at.isoformat() == "2026-09-03T10:00:02+00:00"


def test_totals_that_have_not_moved_are_no_request():
    """They are shown again for other reasons, with what was used last beside them."""
    repeated = [count((100, 10), last=(100, 10), second=second) for second in (1, 2, 3)]
    assert len(found(meta(), turn(), *repeated)) == 1


def test_events_without_counters_are_no_request():
    """They are about rate limits."""
    assert found(meta(), turn(), event("event_msg", type="token_count", info=None)) == []
    assert found(meta(), turn(), event("event_msg", type="token_count")) == []
    assert found(meta(), turn(), count()) == []


def test_totals_that_fall_have_started_anew():
    """What was used last tells how much that is; without it, all of the new totals."""
    told = found(meta(), turn(), count((100, 10)), count((30, 3), last=(20, 2), second=2))
    untold = found(meta(), turn(), count((100, 10)), count((30, 3), second=2), count((40, 4), second=3))
    assert [request.usage[:2] for request in told] == [(100, 10), (20, 2)]
    assert [request.usage[:2] for request in untold] == [(100, 10), (30, 3), (10, 1)]


@pytest.mark.parametrize("named", [True, False])
def test_the_same_totals_after_a_new_start_are_another_request(named):
    """In one turn, and where turns have no ids."""
    events = [meta(), turn(TURN if named else None)]
    requests = found(*events, count((9, 1)), count((20, 2), second=2), count((9, 1), second=3))
    assert len({request.response_id for request in requests}) == 3


def test_without_totals_what_was_used_last_counts_once():
    """The same again is the same event again."""
    requests = found(
        meta(), turn(), count(last=(9, 1)), count(last=(9, 1), second=2), count(last=(8, 1), second=3)
    )
    assert [request.usage[:2] for request in requests] == [(9, 1), (8, 1)]


def test_the_model_is_that_of_the_latest_turn():
    """It may change in the middle of a session."""
    lines = [meta(), turn(), count((9, 1)), turn(NEXT_TURN, "gpt-5-mini"), count((19, 2), second=2)]
    assert [request.model for request in found(*lines)] == ["gpt-5-codex", "gpt-5-mini"]


def test_a_request_whose_model_is_not_known_is_recorded_under_a_name_that_has_no_price():
    """Never a guess."""
    [request] = found(meta(), count((9, 1)))
    assert request.model == UNKNOWN_MODEL


def test_reading_goes_on_with_what_was_noted():
    """Model, turn and totals of the part that was read before."""
    state: dict[str, object] = {}
    [first] = found(meta(), turn(), count((100, 10)), state=state)
    [second] = found(count((300, 35), second=2), state=json.loads(json.dumps(state)))
    assert (second.usage[:2], second.model, second.session) == ((200, 25), first.model, first.session)
    assert (first.response_id, second.response_id) == tuple(
        request.response_id for request in found(meta(), turn(), count((100, 10)), count((300, 35), second=2))
    )


@pytest.mark.parametrize(
    "tier, label", [("priority", "priority"), ("fast", "priority"), ("flex", "flex"), (None, "")]
)
def test_the_service_tier_holds_until_it_is_changed(tier, label):
    """Fast mode is priority processing."""
    settings = event("event_msg", type="thread_settings_applied", thread_settings={"service_tier": tier})
    [request] = found(meta(), turn(), settings, count((9, 1)))
    assert request.service_tier == label


def record(response_id, went_in, came_out, second=1):
    """What one answer used."""
    return event("token_usage_record", second, response_id=response_id, usage=counters(went_in, came_out))


def ends():
    """The turn is over."""
    return event("event_msg", 50, type="task_complete", turn_id=TURN)


class TestRecordsOfAnswers:
    @pytest.mark.parametrize("first", [True, False])
    def test_a_record_that_repeats_what_an_event_gained_is_no_request(self, first):
        """Whichever of the two is written first."""
        pair = [record("r1", 100, 10), count((100, 10))]
        requests = found(meta(), turn(), *(pair if first else pair[::-1]), ends())
        assert [request.usage[:2] for request in requests] == [(100, 10)]

    def test_a_record_that_no_event_shows_is_a_request_when_its_turn_is_over(self):
        """A compaction, which the totals leave out; its response has a name."""
        lines = [
            meta(),
            turn(),
            count((100, 10)),
            record("r1", 100, 10),
            record("r2", 9000, 90, 2),
            count((100, 10)),
        ]
        assert len(found(*lines)) == 1
        [_, compaction] = found(*lines, ends())
        assert (compaction.usage[:2], compaction.response_id) == ((9000, 90), "codex:r2")
        assert compaction.model == "gpt-5-codex"
        [_, compaction] = found(*lines, turn(NEXT_TURN, "gpt-5-mini"))
        assert compaction.model == "gpt-5-codex"

    def test_two_answers_that_used_as_much_are_two(self):
        """Each event settles one record."""
        lines = [count((9, 1)), record("r1", 9, 1), record("r2", 9, 1), count((18, 2), second=2)]
        assert len(found(meta(), turn(), *lines, ends())) == 2

    def test_records_of_events_that_were_lost_are_no_requests(self):
        """The next event has gained what they tell."""
        first = [record("r0", 5, 1), count((5, 1), last=(5, 1))]
        lines = [*first, record("r1", 100, 10), record("r2", 20, 2), count((125, 13), last=(20, 2), second=3)]
        assert [request.usage[:2] for request in found(meta(), turn(), *lines, ends())] == [(5, 1), (120, 12)]

    def test_records_before_the_first_event_that_was_not_lost_are_requests(self):
        """That one does not say what was gained since the file began."""
        lines = [record("r1", 100, 10), record("r2", 20, 2), count((120, 12), last=(20, 2), second=3)]
        assert [request.usage[:2] for request in found(meta(), turn(), *lines, ends())] == [
            (20, 2),
            (100, 10),
        ]

    def test_records_alone_will_do(self):
        """Should the events be gone one day."""
        requests = found(meta(), turn(), record("r1", 100, 10), record("r2", 20, 2), ends())
        assert [request.usage[:2] for request in requests] == [(100, 10), (20, 2)]

    def test_records_wait_for_the_end_of_their_turn_from_one_import_to_the_next(self):
        """They are noted with the rest."""
        state: dict[str, object] = {}
        assert found(meta(), turn(), record("r1", 100, 10), state=state) == []
        assert len(found(ends(), state=json.loads(json.dumps(state)))) == 1

    def test_a_record_without_a_time_is_a_problem_at_once(self):
        """Not when its turn is over."""
        problem = found(meta(), turn(), record("r1", 1, 1) | {"timestamp": None}, ends())[0]
        assert isinstance(problem, Problem)
        assert problem.line == 3


class TestCopiesOfAParentsEvents:
    PARENT = (meta(), turn(), count((100, 10)), turn(NEXT_TURN), count((300, 35), second=2))

    def own(self, *lines):
        """The requests of *lines* that are not the parent's."""
        parents = {request.response_id for request in found(*self.PARENT)}
        return [request for request in found(*lines) if request.response_id not in parents]

    def test_a_forks_copies_are_the_parents_whatever_time_they_bear(self):
        """Its own request starts from the parent's totals."""
        copied = [{**line, "timestamp": "2026-09-04T00:00:00Z"} for line in self.PARENT]
        mine = [turn("01b0249c-0000-7e13-a32d-82b9746dd022", second=40), count((310, 37), second=41)]
        [request] = self.own(meta("s2", forked_from_id="s1"), *copied, *mine)
        assert (request.usage[:2], request.session) == ((10, 2), "s2")

    def test_a_part_of_the_copies_will_do(self):
        """Only the last turn: what was used last counts, for the totals have come from elsewhere."""
        [line, shown] = self.PARENT[3:]
        shown = count((300, 35), last=(200, 25), second=2)
        fork = [meta("s2", forked_from_id="s1"), line, shown]
        assert self.own(*fork) == []
        assert [request.usage[:2] for request in found(*fork)] == [(200, 25)]

    def test_copies_in_siblings_are_one_and_their_own_turns_are_two(self):
        """Though they have used exactly as much."""
        source = {"subagent": {"thread_spawn": {"parent_thread_id": "s1", "agent_nickname": "Bo"}}}
        siblings = [
            found(meta(name, source=source), *self.PARENT[1:], turn(own), count((310, 37), second=9))
            for name, own in (("s2", TURN.replace("01a", "01c")), ("s3", TURN.replace("01a", "01d")))
        ]
        assert len({request.response_id for requests in siblings for request in requests}) == 4
        assert siblings[0][-1].task_type == "subagent"
        assert siblings[0][-1].tags == {"agent": "Bo"}

    def test_copies_without_turn_ids_are_told_by_their_time(self):
        """Those not younger than the fork are the parent's."""
        old = [meta(), turn(None), count((100, 10)), count((300, 35), second=2)]
        fork = [
            meta("s2", 20, forked_from_id="s1"),
            *old[:3],
            count((300, 35), second=21),
            count((310, 37), second=40),
        ]
        parents = {request.response_id for request in found(*old)}
        own = [request for request in found(*fork) if request.response_id not in parents]
        assert [request.usage[:2] for request in own] == [(10, 2)]

    def test_two_sessions_that_used_as_much_are_two(self):
        """Where turns have no ids the session tells them apart."""
        requests = [*found(meta(), count((9, 1))), *found(meta("s2"), count((9, 1)))]
        assert len({request.response_id for request in requests}) == 2


def test_what_was_imported_from_another_agent_is_skipped():
    """Its own transcripts tell it."""
    assert found(meta(), turn("external-import-turn-1"), count((9, 1))) == [
        Skipped("imported from another agent")
    ]


@pytest.mark.parametrize(
    "bad, reason",
    [
        (b'{"type":"token_count"', "not JSON: Expecting ',' delimiter at byte 21"),
        (count((-1, 1)), "Expected `int` >= 0 - at `$.payload.info.total_token_usage.input_tokens`"),
        (count((9, 1)) | {"timestamp": None}, "it has no timestamp, or none that can be read"),
    ],
)
def test_an_event_that_cannot_be_understood_is_a_problem_and_the_next_one_is_read(bad, reason):
    """File, line and reason."""
    problem, request = found(meta(), turn(), bad, count((19, 2)))
    assert problem == Problem(PATH, 3, reason)
    assert request.response_id.endswith(":19-0-0-2-0")


@pytest.mark.parametrize(
    "other",
    [
        event("response_item", type="message", content=['"token_count"']),
        event("response_item", type="token_count", info="text"),
        {"type": ["token_count"], "payload": "token_count"},
        ["token_count"],
        event("session_meta", id=5, cwd=[], source="cli", note="session_meta"),
        event("event_msg", type="thread_settings_applied", thread_settings=None),
    ],
)
def test_lines_of_other_shapes_do_no_harm(other):
    """Nothing is raised, and nothing is made up."""
    assert [one for one in found(meta(), turn(), other) if not isinstance(one, Problem)] == []


def test_the_session_is_the_files_where_no_line_says_it():
    """Its name ends with it."""
    [request] = found(turn(), count((9, 1)))
    assert request.session == "2026-09-03T10-00-00-s1"


def test_the_places_are_those_of_the_environment():
    """Live sessions before archived ones."""
    assert places({"HOME": "/h"}) == ["/h/.codex/sessions", "/h/.codex/archived_sessions"]
    assert places({"HOME": "/h", "CODEX_HOME": "/c"}) == ["/c/sessions", "/c/archived_sessions"]


def test_only_rollouts_are_transcripts(tmp_path):
    """Packed ones too."""
    for name in ("rollout-a.jsonl", "rollout-b.jsonl.zst", "history.jsonl", "rollout-c.txt"):
        (tmp_path / name).touch()
    assert [os.path.basename(str(path)) for path in SOURCE.files(str(tmp_path))] == [
        "rollout-a.jsonl",
        "rollout-b.jsonl.zst",
    ]
