"""The chain of acts: written with the act itself, and whole until somebody else has a hand in it."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from quarterdeck.errors import AccessDenied, MemoryUnavailable, StoreCorrupt
from quarterdeck.memory import audit, chain
from quarterdeck.memory.access import AccessTier, agent_name
from quarterdeck.memory.chain import Act, Deed, Head
from quarterdeck.memory.sealing import new_key
from quarterdeck.memory.store import MISSING, Entry
from tests.access_worlds import NAMESPACE, Place, Room

ENTRY = "{{default..0}}:audit:{:012}"
HEAD = "{default..0}:chain:head"


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def used(place):
    """A place where five things were done."""
    root = place.room_with(AccessTier.STEWARD, "boss")
    root.grant_access("alice", AccessTier.VALIDATOR)
    root.revoke_access("alice")
    root.set_default_access(AccessTier.OBSERVER)
    return place


def acts(place):
    return chain.read(place.store(), NAMESPACE)


def report(place, noted=None):
    return audit.verify(place.store(), NAMESPACE, noted)


def stored(place, number):
    ((data,),) = place.sql("SELECT data FROM entries WHERE name = ?", ENTRY.format(number))
    return json.loads(data)


def rewrite(place, name, value):
    place.sql("UPDATE entries SET data = ? WHERE name = ?", json.dumps(value).encode(), name)


def rehashed(value):
    """*value* with a hash that fits it, as a forger who has read the source makes it."""
    body = {name: each for name, each in value.items() if name != "hash"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**body, "hash": hashlib.sha256(text.encode()).hexdigest()}


class TestPerform:
    def test_an_act_is_written_with_what_it_is_about(self, place):
        """One transaction: the entries, the act and the head."""
        store, name = place.store(), "{default..0}:thing:a"
        deed = Deed("clear", "bob", {"entries": 3})
        act = chain.perform(store, NAMESPACE, "alice", (name,), lambda *_: (deed, [Entry(name, 7)]))
        assert act is not None
        assert store.get(name) == 7
        assert (act.number, act.agent, act.act, act.subject, act.details) == (1, "alice", *deed)
        assert act.at == "2023-11-14T22:13:20.000+00:00"
        assert acts(place) == [act]
        assert chain.head(store, NAMESPACE) == Head(1, act.hash)

    def test_nothing_is_written_when_there_is_nothing_to_do(self, place):
        """Nor when it must not be done."""
        store = place.store()
        assert chain.perform(store, NAMESPACE, "alice", (), lambda *_: None) is None

        def refuse(standing, _):
            standing.require(AccessTier.STEWARD, "do that")

        with pytest.raises(
            AccessDenied, match="agent 'alice' is a contributor, and only a steward or higher"
        ):
            chain.perform(store, NAMESPACE, "alice", (), refuse)
        assert chain.head(store, NAMESPACE) == Head()
        assert list(store.backend.listing("")) == []

    def test_an_act_that_cannot_be_written_does_not_happen(self, place, monkeypatch):
        """Neither half of it."""
        store, name = place.store(), "{default..0}:thing:a"

        def fail(*_):
            raise MemoryUnavailable("it is gone", "wait")

        monkeypatch.setattr(store.backend, "transact", fail)
        with pytest.raises(MemoryUnavailable):
            chain.perform(store, NAMESPACE, "a", (), lambda *_: (Deed("clear", "", {}), [Entry(name, 7)]))
        assert place.store().get(name) is MISSING
        assert acts(place) == []

    def test_the_hash_is_that_of_the_json_without_it(self, used):
        """Anybody can compute it: keys sorted, no spaces, UTF-8; the standard library agrees."""
        used.room("root", token=used.root_token).grant_access("ä \U0001f600 \u2028 \x7f", AccessTier.OBSERVER)
        previous = ""
        for number in range(1, len(acts(used)) + 1):
            value = stored(used, number)
            assert value == rehashed(value)
            assert value["previous"] == previous
            previous = value["hash"]

    def test_secrets_are_out_before_an_act_is_hashed(self, place, monkeypatch):
        """The hash is that of what is stored, so the chain is whole."""
        store = place.store()
        monkeypatch.setattr(store.scrubber, "scrub", lambda data: data.replace(b"hunter2", b"[REDACTED]"))
        deed = Deed("reject", "p", {"reason": "it says hunter2"})
        act = chain.perform(store, NAMESPACE, "alice", (), lambda *_: (deed, ()))
        assert act is not None
        assert act.details == {"reason": "it says [REDACTED]"}
        assert acts(place) == [act]
        assert report(place).is_whole

    @pytest.mark.parametrize(
        "agent", ["jane@example.com", "100%41", "a:b", "ä {x}", "555-123-4567", "4111 1111 1111 1111"]
    )
    def test_it_says_who_it_was_whatever_the_name(self, place, agent):
        """Also when it is a mail address or a number of a card, which would be taken out of a value."""
        store = place.store()
        deed = Deed("reject", agent, {"reason": "write to jane@example.com"})
        act = chain.perform(store, NAMESPACE, agent, (), lambda *_: (deed, ()))
        assert act is not None
        assert (act.agent, act.subject) == (agent, agent)
        assert acts(place) == [act]
        assert "jane" not in str(act.details)
        assert report(place).is_whole

    def test_a_chain_of_encrypted_acts_is_whole_too(self, place, tmp_path):
        """Whoever has the key reads and verifies it; without it, nobody sees who did what."""
        key_file = str(tmp_path / "key")
        new_key(key_file)
        store = place.store(key_file=key_file)
        token = Room(store, "root").grant_access("root", AccessTier.STEWARD)
        room = Room(place.store(key_file=key_file), "root", token=token)
        assert room.promote_pattern(room.stage_pattern({"name": "a lesson"}))
        assert audit.verify(store, NAMESPACE).acts == 2
        held = place.sql("SELECT CAST(data AS BLOB) FROM entries")
        assert not any(b"root" in data for (data,) in held)
        with pytest.raises(StoreCorrupt):
            place.room("root", token=token)

    def test_what_a_chain_is_made_of_passes_the_scrubber(self, place):
        """A hash, a time or an id that looked like a secret would break the chain."""
        store = place.store()
        for number in range(500):
            at = chain.utc_text(number * 10**10)
            fields = Act(number, at, "a", "b", "c", {}, *_hashes())._asdict()
            data = json.dumps(fields, separators=(",", ":")).encode()
            assert store.scrubber.scrub(data) == data

    def test_a_head_that_is_none_of_ours_stops_every_act(self, used):
        """Nothing is promoted or granted that could not be written down."""
        rewrite(used, HEAD, {"number": "5", "hash": 7})
        with pytest.raises(StoreCorrupt, match="audit chain"):
            used.room("root", token=used.root_token).grant_access("x", AccessTier.OBSERVER)


class TestMend:
    @pytest.mark.parametrize(
        "end", [None, {"number": 3, "hash": "0" * 64}, {"number": 0, "hash": ""}, {"number": -1, "hash": 7}]
    )
    def test_no_act_is_written_over_another(self, used, end):
        """With the end of the chain lost or set back, nothing is done; and then the chain goes on."""
        put_end(used, end)
        before = held(used)
        root = used.room("root", token=used.root_token)
        with pytest.raises(StoreCorrupt) as raised:
            root.grant_access("mallory", AccessTier.STEWARD)
        assert "restore the store" in raised.value.hint
        assert held(used) == before
        found = report(used)
        act = root.mend_audit()
        assert act is not None
        assert (act.number, act.agent, act.act) == (6, "root", "mend")
        said = end if end and end["number"] >= 0 else {"number": 0, "hash": ""} if end is None else None
        assert act.details == {"broken_at": found.broken_at, "reason": found.reason, "head": said}
        assert root.mend_audit() is None
        assert root.grant_access("bob", AccessTier.OBSERVER)
        assert (report(used).is_whole, report(used).acts) == (True, 7)

    def test_the_error_says_who_mends_it(self, used):
        """With the name of what to call."""
        put_end(used, None)
        with pytest.raises(StoreCorrupt, match="ends with act 0, but there are acts after it") as raised:
            used.room("root", token=used.root_token).set_default_access(AccessTier.CONTRIBUTOR)
        assert raised.value.hint.endswith("mend_audit()")

    def test_what_is_wrong_with_the_acts_stays_to_be_found(self, used):
        """It goes on after the last that is there, readable or not; no act is made to look right."""
        put_end(used, None)
        used.sql("UPDATE entries SET data = ? WHERE name = ?", b"{torn", ENTRY.format(5))
        rewrite(used, ENTRY.format(2), {**stored(used, 2), "agent": "mallory"})
        act = used.room("root", token=used.root_token).mend_audit()
        assert (act.number, act.previous) == (6, stored(used, 4)["hash"])
        assert (report(used).acts, report(used).broken_at) == (1, 2)

    def test_an_end_that_is_no_json_is_mended(self, used):
        """The act says that there was none to be read."""
        used.sql("UPDATE entries SET data = ? WHERE name = ?", b"{torn", HEAD)
        root = used.room("root", token=used.root_token)
        with pytest.raises(StoreCorrupt):
            root.revoke_access("boss")
        act = root.mend_audit()
        assert (act.number, act.details["head"]) == (6, None)
        assert report(used).is_whole

    def test_a_seat_that_may_do_less_does_not_mend(self, place):
        """Also while there is no steward, when anybody else may."""
        store = place.store()
        for _ in range(2):
            chain.perform(store, NAMESPACE, "alice", (), lambda *_: (Deed("clear", "", {}), ()))
        place.sql("DELETE FROM entries WHERE name = ?", HEAD)
        with pytest.raises(AccessDenied, match="mend the chain"):
            place.room("alice", access_tier=AccessTier.OBSERVER).mend_audit()
        act = place.room("alice").mend_audit()
        assert act is not None
        assert act.act == "mend"

    def test_only_a_steward_mends(self, used):
        """Nobody else says where the chain ends."""
        put_end(used, None)
        before = held(used)
        with pytest.raises(AccessDenied, match="steward or higher may mend"):
            used.room("anybody").mend_audit()
        with pytest.raises(AccessDenied):
            used.room("root", token=used.root_token, access_tier=AccessTier.VALIDATOR).mend_audit()
        assert held(used) == before

    def test_a_whole_chain_is_left_alone(self, used):
        """And so is one that has not begun."""
        before = held(used)
        assert used.room("root", token=used.root_token).mend_audit() is None
        assert held(used) == before
        assert audit.mend(used.store(), "elsewhere", "anybody") is None

    def test_an_act_of_others_meanwhile_is_no_flaw(self, used):
        """Whoever is late tries again; it is not taken for an act that should not be there."""
        root, other = (used.room("root", token=used.root_token) for _ in range(2))
        transact = root.store.transact
        late: list[str] = []

        def be_late(*how):
            if len(late) < 3:
                late.append(other.grant_access(f"agent-{len(late)}", AccessTier.OBSERVER))
            return transact(*how)

        root.store.transact = be_late
        assert root.grant_access("bob", AccessTier.OBSERVER)
        assert (len(late), report(used).acts) == (3, 9)


def put_end(place, end):
    place.sql("DELETE FROM entries WHERE name = ?", HEAD)
    if end is not None:
        place.store().backend.put(HEAD, json.dumps(end).encode())


def held(place):
    return place.sql("SELECT name, data FROM entries ORDER BY name")


class TestRead:
    def test_acts_come_in_their_order(self, used):
        """Those after a number, up to a limit."""
        found = acts(used)
        assert [act.number for act in found] == [1, 2, 3, 4, 5]
        assert [act.act for act in found] == ["grant", "grant", "grant", "revoke", "default"]
        assert [act.subject for act in found] == ["root", "boss", "alice", "alice", ""]
        assert chain.read(used.store(), NAMESPACE, since=2, limit=2) == found[2:4]
        assert chain.read(used.store(), NAMESPACE, since=5) == []
        assert chain.read(used.store(), NAMESPACE, since=-7, limit=9) == found[:2]

    def test_others_stay_readable_when_one_is_not(self, used):
        """What is torn, missing or something else is left out."""
        used.sql("UPDATE entries SET data = ? WHERE name = ?", b"{torn", ENTRY.format(2))
        used.sql("DELETE FROM entries WHERE name = ?", ENTRY.format(3))
        rewrite(used, ENTRY.format(4), [1, 2])
        assert [act.number for act in acts(used)] == [1, 5]

    def test_each_namespace_has_its_own(self, used):
        """Another one's chain is empty."""
        assert chain.read(used.store(), "elsewhere") == []
        assert audit.verify(used.store(), "elsewhere").is_whole


class TestVerify:
    def test_a_chain_nobody_touched_is_whole(self, used):
        """All acts, and the head as it is noted elsewhere."""
        head = chain.head(used.store(), NAMESPACE)
        found = report(used, noted=head)
        assert found.is_whole
        assert (found.acts, found.broken_at, found.reason, found.head) == (5, None, "", head)

    def test_no_acts_are_whole_too(self, place):
        """There is nothing to be wrong."""
        assert report(place) == (0, None, "", Head())

    @pytest.mark.parametrize(
        "field, value",
        [
            ("agent", "mallory"),
            ("details", {"tier": "steward"}),
            ("at", "2020-01-01T00:00:00.000+00:00"),
            ("number", 7),
            ("previous", "0" * 64),
        ],
    )
    def test_a_changed_act_is_found(self, used, field, value):
        """Whatever was changed in it."""
        rewrite(used, ENTRY.format(3), {**stored(used, 3), field: value})
        found = report(used)
        assert (found.acts, found.broken_at) == (2, 3)
        assert found.reason.startswith("changed")

    @pytest.mark.parametrize(
        "details",
        [r'{"a":"\ud800"}', '{"a":1e400}', '{"a":%s}' % ("9" * 5000), '{"a":%s}' % ("[" * 900 + "]" * 900)],
    )
    def test_what_nobody_could_have_written_is_found(self, used, details):
        """JSON at its edges; no traceback."""
        value = json.dumps({**stored(used, 3), "details": "HERE"}).replace('"HERE"', details)
        used.sql("UPDATE entries SET data = ? WHERE name = ?", value.encode(), ENTRY.format(3))
        assert report(used).broken_at == 3
        assert {1, 2, 4, 5} <= {act.number for act in acts(used)}

    def test_a_changed_act_with_a_hash_that_fits_is_found(self, used):
        """The one after it does not fit any more."""
        rewrite(used, ENTRY.format(3), rehashed({**stored(used, 3), "agent": "mallory"}))
        found = report(used)
        assert (found.acts, found.broken_at) == (3, 4)
        assert "do not fit together" in found.reason

    def test_a_changed_last_act_is_found(self, used):
        """The head knows its hash."""
        rewrite(used, ENTRY.format(5), rehashed({**stored(used, 5), "agent": "mallory"}))
        found = report(used)
        assert found.broken_at == 5
        assert "not the one the chain ends with" in found.reason

    @pytest.mark.parametrize("number", [1, 3, 5])
    def test_a_missing_act_is_found(self, used, number):
        """At the beginning, in the middle, at the end."""
        used.sql("DELETE FROM entries WHERE name = ?", ENTRY.format(number))
        found = report(used)
        assert (found.acts, found.broken_at) == (number - 1, number)
        assert found.reason.startswith("missing")

    def test_acts_that_changed_places_are_found(self, used):
        """Each is whole, but not there."""
        second, third = stored(used, 2), stored(used, 3)
        rewrite(used, ENTRY.format(2), third)
        rewrite(used, ENTRY.format(3), second)
        found = report(used)
        assert (found.acts, found.broken_at, found.reason) == (1, 2, "reordered: it is act 3")

    def test_acts_beyond_the_head_are_found(self, used):
        """Somebody has put the head back to forget the last ones."""
        rewrite(used, HEAD, {"number": 3, "hash": stored(used, 3)["hash"]})
        found = report(used)
        assert (found.acts, found.broken_at) == (3, 4)
        assert "after the one the chain ends with" in found.reason

    def test_a_head_that_was_taken_away_is_found(self, used):
        """A chain without an end, and acts that are not in it."""
        used.sql("DELETE FROM entries WHERE name = ?", HEAD)
        found = report(used)
        assert (found.acts, found.broken_at) == (0, 1)
        assert "after the one the chain ends with" in found.reason

    def test_a_chain_that_was_cut_with_its_head_needs_a_noted_one(self, used):
        """Inside the store it looks whole: only what was noted elsewhere shows it."""
        noted = chain.head(used.store(), NAMESPACE)
        for number in (4, 5):
            used.sql("DELETE FROM entries WHERE name = ?", ENTRY.format(number))
        rewrite(used, HEAD, {"number": 3, "hash": stored(used, 3)["hash"]})
        assert report(used).is_whole
        found = report(used, noted)
        assert (found.acts, found.broken_at) == (3, 4)
        assert found.reason.startswith("cut off")

    def test_a_chain_that_was_made_anew_needs_a_noted_one(self, used):
        """Every hash of it fits."""
        noted = chain.head(used.store(), NAMESPACE)
        previous = ""
        for number in range(1, 6):
            value = rehashed({**stored(used, number), "agent": "mallory", "previous": previous})
            rewrite(used, ENTRY.format(number), value)
            previous = value["hash"]
        rewrite(used, HEAD, {"number": 5, "hash": previous})
        assert report(used).is_whole
        found = report(used, noted)
        assert (found.broken_at, found.reason) == (5, "this is not the chain that was noted")

    @pytest.mark.parametrize("value", [b"{torn", b"7", b"{}", b"null", b'"x"', b"\xff", b"[" * 5000])
    def test_an_act_that_cannot_be_read_is_found(self, used, value):
        """Whatever stands in its place."""
        used.sql("UPDATE entries SET data = ? WHERE name = ?", value, ENTRY.format(2))
        found = report(used)
        assert (found.acts, found.broken_at) == (1, 2)

    @pytest.mark.parametrize(
        "value", [b"{torn", b"7", b'{"number":-1,"hash":""}', b'{"number":true,"hash":""}', b"{}"]
    )
    def test_a_head_that_cannot_be_read_is_found(self, used, value):
        """It is part of the chain."""
        used.sql("UPDATE entries SET data = ? WHERE name = ?", value, HEAD)
        found = report(used)
        assert (found.acts, found.broken_at) == (0, 1)
        assert "where the chain ends" in found.reason

    def test_a_head_far_away_costs_nothing(self, used):
        """The first act that is not there ends it."""
        rewrite(used, HEAD, {"number": 10**15, "hash": ""})
        assert report(used).broken_at == 6

    def test_others_may_act_meanwhile(self, used):
        """What they add is not taken for a flaw."""
        store, root = used.store(), used.room("root", token=used.root_token)
        see_many = store.see_many

        def see_while_others_act(names):
            seen = see_many(names)
            root.grant_access("another", AccessTier.OBSERVER)
            return seen

        store.see_many = see_while_others_act
        found = audit.verify(store, NAMESPACE)
        assert found.is_whole
        assert found.acts == 5
        assert report(used).acts > 6


def test_an_agents_record_cannot_be_forged_through_its_name(place):
    """No name of an agent reaches an entry of the chain or of another agent."""
    names = {agent_name(NAMESPACE, agent) for agent in ("a", "a:b", "head", "}:chain:head", "policy")}
    assert len(names) == 5
    assert all(name.startswith("{default..0}:agent:") for name in names)


def _hashes():
    return (hashlib.sha256(os.urandom(8)).hexdigest() for _ in range(2))
