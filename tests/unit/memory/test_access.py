"""Who is let in and what it may do, as the store has it."""

from __future__ import annotations

import contextlib
import shlex
import threading

import pytest

from quarterdeck.errors import AccessDenied, StoreCorrupt, UsageError
from quarterdeck.memory import access, chain
from quarterdeck.memory.access import TOKEN_VARIABLE, AccessTier
from tests.access_worlds import NAMESPACE, Place

OBSERVER, CONTRIBUTOR, VALIDATOR, STEWARD = AccessTier


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


class TestAdmission:
    def test_an_unknown_agent_needs_no_token(self, place):
        """It is a contributor until a steward says otherwise."""
        assert place.room("anybody").access_tier is CONTRIBUTOR

    def test_a_registered_name_cannot_be_borrowed(self, place):
        """Without its token nobody has its name."""
        place.room_with(VALIDATOR, "alice")
        with pytest.raises(AccessDenied, match="registered, and its token is missing"):
            place.room("alice")

    def test_a_token_opens_the_seat_it_was_given_for_and_no_other(self, place):
        """The token of one agent is none of another's."""
        root = place.room("root")
        root.grant_access("root", STEWARD)
        alice, bob = root.grant_access("alice", VALIDATOR), root.grant_access("bob", VALIDATOR)
        assert place.room("alice", token=alice).access_tier is VALIDATOR
        with pytest.raises(AccessDenied, match="not, or no longer, that of agent 'alice'"):
            place.room("alice", token=bob)

    def test_the_token_may_stand_in_the_environment(self, place, monkeypatch):
        """With white space around it, as files and shells leave it; one that is passed wins."""
        root = place.room("root")
        token = root.grant_access("root", STEWARD)
        monkeypatch.setenv(TOKEN_VARIABLE, f" {token}\n")
        assert place.room("root").access_tier is STEWARD
        assert place.room("anybody").access_tier is CONTRIBUTOR, "another agent of that process"
        with pytest.raises(AccessDenied):
            place.room("root", token=access.make_token())

    @pytest.mark.parametrize(
        "spoil", [lambda token: token[:-1], lambda token: token[3:], str.upper, lambda _: "x"]
    )
    def test_a_typo_is_told_apart_from_a_wrong_token(self, place, spoil):
        """What has a wrong checksum or form is called mistyped, and not shown in the error."""
        token = place.room("root").grant_access("root", STEWARD)
        with pytest.raises(AccessDenied, match="cut off or mistyped") as raised:
            place.room("root", token=spoil(token))
        assert token[3:20].lower() not in str(raised.value).lower()

    @pytest.mark.parametrize("token", ["", " ", "\udcff", "qd_", "qd_" + "é" * 72, "9" * 100_000, 7, b"qd_"])
    def test_nothing_else_is_a_token(self, place, token):
        """Whatever is passed is refused in the same way, without a traceback."""
        place.room("root").grant_access("root", STEWARD)
        with pytest.raises(AccessDenied):
            place.room("root", token=token)

    def test_a_token_for_a_name_nobody_registered_is_an_error(self, place):
        """Else a slip in the name would make a steward a contributor without a word."""
        token = place.room("root").grant_access("root", STEWARD)
        with pytest.raises(AccessDenied, match="nobody has registered an agent 'rot'"):
            place.room("rot", token=token)

    @pytest.mark.parametrize("agent", ["a; rm -rf ~", "a'$(b)", "a\x1b[2Jb\nc"])
    def test_a_name_does_no_harm_in_what_is_to_be_typed(self, place, agent):
        """The hint is pasted into a shell."""
        with pytest.raises(AccessDenied) as raised:
            place.room(agent).promote_pattern("x")
        command = raised.value.hint.partition("run: ")[2]
        assert command.isprintable()
        assert shlex.split(command)[:3] == ["qd", "memory", "grant"]
        assert shlex.split(command)[3:] == [agent if agent.isprintable() else "AGENT", "validator"]

    def test_the_store_keeps_no_token(self, place):
        """Only its fingerprint: whoever reads the file cannot open a seat with it."""
        token = place.room("root").grant_access("root", STEWARD)
        place.close()
        with open(place.path, "rb") as file:
            held = file.read()
        assert token[3:40].encode() not in held
        assert access.fingerprint(token).encode() in held

    @pytest.mark.parametrize("tier", ["observer", 1, True])
    def test_a_seat_is_opened_with_a_tier_and_not_with_its_name(self, place, tier):
        """Or it would not be known what it may do."""
        with pytest.raises(UsageError, match=r"AccessTier\.OBSERVER|must be an AccessTier"):
            place.room("alice", access_tier=tier)

    @pytest.mark.parametrize("steward", ["555-123-4567", "4111 1111 1111 1111", "root@example.com"])
    def test_a_record_says_who_granted_whatever_the_name(self, place, steward):
        """No two agents become one by having what is personal taken out."""
        token = place.room(steward).grant_access(steward, AccessTier.STEWARD)
        root = place.room(steward, token=token)
        root.grant_access("alice", CONTRIBUTOR)
        assert {each.granted_by for each in root.list_agents()} == {steward}
        assert [act.agent for act in chain.read(root.store, NAMESPACE)] == [steward, steward]

    def test_tokens_differ(self):
        """Each has 256 bits of its own and is whole."""
        tokens = {access.make_token() for _ in range(100)}
        assert len(tokens) == 100
        assert all(map(access.is_whole, tokens))

    def test_one_wrong_digit_is_always_noticed(self):
        """Wherever it is."""
        token = access.make_token()
        for place in range(3, len(token)):
            other = "0" if token[place] != "0" else "1"
            assert not access.is_whole(token[:place] + other + token[place + 1 :])

    def test_another_namespace_knows_nobody(self, place):
        """What was granted in one namespace says nothing in another."""
        place.room_with(OBSERVER, "alice")
        assert access.tier_of(place.store(), "elsewhere", "alice", "") is CONTRIBUTOR


class TestTier:
    @pytest.mark.parametrize("tier", AccessTier)
    def test_it_is_what_was_granted(self, place, tier):
        """Each tier, as another process reads it."""
        assert place.room_with(tier).access_tier is tier

    def test_a_seat_may_act_with_less_but_never_with_more(self, place):
        """What the caller says only lowers it."""
        assert place.room("anybody", access_tier=STEWARD).access_tier is CONTRIBUTOR
        assert place.room("anybody", access_tier=OBSERVER).access_tier is OBSERVER

    def test_a_grant_counts_in_every_process_from_the_next_operation_on(self, place):
        """The seat is open at another store, with the old tier in its local tier."""
        alice = place.room_with(CONTRIBUTOR, "alice")
        root = place.room("root", token=place.root_token)
        for tier in (VALIDATOR, OBSERVER, STEWARD, CONTRIBUTOR):
            before = alice.access_tier
            root.grant_access("alice", tier)
            assert alice.access_tier is tier is not before

    def test_a_warm_answer_costs_no_round_trip(self, place):
        """Neither for a registered agent nor for one that nobody knows."""
        alice, anybody = place.room_with(VALIDATOR, "alice"), place.room("anybody")
        for room in (alice, anybody):
            room.access_tier  # noqa: B018  now it is warm
            misses = room.store.near_stats().misses
            room.access_tier  # noqa: B018  the one that is counted
            assert room.store.near_stats().misses == misses

    @pytest.mark.parametrize(
        "record", ["7", '"validator"', "{}", '{"tier":"king"}', '{"tier":[1]}', "null", "[]"]
    )
    def test_a_record_that_is_none_of_ours_lets_nobody_do_anything(self, place, record):
        """Whoever wrote it by hand gets an error, not a tier."""
        alice = place.room_with(VALIDATOR, "alice")
        name = access.agent_name(NAMESPACE, "alice")
        store = place.store()
        store.backend.put(name, record.encode())
        with pytest.raises(StoreCorrupt):
            access.tier_of(store, NAMESPACE, "alice", "")
        with pytest.raises(StoreCorrupt):
            access.admit(store, NAMESPACE, "alice", access.make_token())
        with pytest.raises(StoreCorrupt):
            alice.stage_pattern({"name": "a lesson"})


class TestNamesTakenInAdvance:
    """A seat that was opened under a name before somebody else was registered with it."""

    @pytest.mark.parametrize("tier", [CONTRIBUTOR, VALIDATOR, STEWARD])
    def test_it_only_reads_once_the_name_is_registered(self, place, tier):
        """Whatever the agent was registered as: the seat has shown no token."""
        squatter = place.room("alice")
        pattern_id = squatter.stage_pattern({"name": "a lesson"})
        assert squatter.access_tier is CONTRIBUTOR
        alice = place.room_with(tier, "alice")
        assert (squatter.access_tier, alice.access_tier) == (OBSERVER, tier)
        assert squatter.get_staged_pattern(pattern_id) is not None
        for attempt in (
            lambda: squatter.stage_pattern({"name": "another"}),
            lambda: squatter.promote_pattern(pattern_id),
            lambda: squatter.grant_access("alice", STEWARD),
            lambda: squatter.grant_access("mallory", STEWARD, new_token=True),
            lambda: squatter.revoke_access("root"),
            lambda: squatter.mend_audit(),
        ):
            with pytest.raises(AccessDenied, match="this seat of agent 'alice' may only read") as raised:
                attempt()
            assert TOKEN_VARIABLE in raised.value.hint

    def test_the_name_of_the_first_steward_is_no_exception(self, place):
        """Whoever sat down as root before there was one is none."""
        squatter = place.room("root")
        place.room("anybody").grant_access("root", STEWARD)
        with pytest.raises(AccessDenied, match="may only read"):
            squatter.grant_access("mallory", STEWARD)

    def test_a_registration_in_the_middle_of_an_act_counts(self, place):
        """What the seat has shown is compared in the act's own transaction."""
        squatter, root = place.room("alice"), place.room_with(STEWARD, "boss")
        root.set_default_access(VALIDATOR)
        pattern_id = squatter.stage_pattern({"name": "a lesson"})
        see_many = squatter.store.see_many
        tokens: list[str] = []

        def see_and_then(names):
            seen = see_many(names)
            if not tokens:
                tokens.append(root.grant_access("alice", STEWARD))
            return seen

        squatter.store.see_many = see_and_then
        with pytest.raises(AccessDenied, match="may only read"):
            squatter.promote_pattern(pattern_id)
        assert tokens
        assert root.get_staged_pattern(pattern_id) is not None

    def test_an_empty_fingerprint_is_nobodys(self, place):
        """Whoever wrote such a record by hand lets nobody in by it, not even who shows nothing."""
        anybody = place.room("alice")
        record = b'{"tier":"steward","fingerprint":"","granted_at":"","granted_by":""}'
        place.store().backend.put(access.agent_name(NAMESPACE, "alice"), record)
        assert anybody.access_tier is OBSERVER


class TestFirstSteward:
    def test_whoever_holds_the_store_may_register_the_first_one(self, place):
        """Itself or somebody else; the chain says that it was the first."""
        token = place.room("anybody").grant_access("root", STEWARD)
        assert place.room("root", token=token).access_tier is STEWARD
        (act,) = chain.read(place.store(), NAMESPACE)
        assert (act.agent, act.act, act.subject) == ("anybody", "grant", "root")
        assert act.details == {"tier": "steward", "first_steward": True}

    def test_the_second_one_takes_a_steward(self, place):
        """The door is shut behind the first."""
        place.room("anybody").grant_access("root", STEWARD)
        with pytest.raises(AccessDenied, match="only a steward or higher may grant access"):
            place.room("anybody").grant_access("anybody", STEWARD)

    @pytest.mark.parametrize("tier", [OBSERVER, CONTRIBUTOR, VALIDATOR])
    def test_nothing_else_is_granted_before_there_is_one(self, place, tier):
        """And the error says how to make one."""
        with pytest.raises(AccessDenied, match="none yet") as raised:
            place.room("anybody").grant_access("alice", tier)
        assert "qd memory grant anybody steward" in raised.value.hint

    def test_a_seat_that_acts_with_less_cannot_register_it(self, place):
        """It said itself that it does not want to."""
        with pytest.raises(AccessDenied):
            place.room("anybody", access_tier=VALIDATOR).grant_access("anybody", STEWARD)

    def test_of_many_who_want_to_be_the_first_one_is(self, place):
        """The check and the record are one transaction."""
        rooms = [place.room(f"agent-{number}") for number in range(8)]
        won, start = [], threading.Barrier(len(rooms))

        def run(room):
            start.wait()
            with contextlib.suppress(AccessDenied):
                won.append(room.grant_access(room.agent, STEWARD))

        threads = [threading.Thread(target=run, args=(room,)) for room in rooms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert [record.tier for record in rooms[0].list_agents()] == [STEWARD]

    def test_a_lost_token_is_mended_by_who_may_write_the_store(self, place):
        """As the module says: the entry of the policy is taken away, and there is a second first."""
        place.room("anybody").grant_access("root", STEWARD)
        store = place.store()
        assert store.backend.delete([access.policy_name(NAMESPACE)]) == 1
        room = place.room("anybody")
        token = room.grant_access("root", STEWARD)
        root = place.room("root", token=token)
        assert root.grant_access("alice", VALIDATOR)
        with pytest.raises(AccessDenied, match="last steward"):
            root.revoke_access("root")
        assert [act.details.get("first_steward") for act in chain.read(store, NAMESPACE)] == [
            True,
            True,
            None,
        ]


class TestGrants:
    @pytest.mark.parametrize("tier", [OBSERVER, CONTRIBUTOR, VALIDATOR])
    def test_only_stewards_say_who_is_what(self, place, tier):
        """Everybody else is refused, and nothing has happened."""
        room = place.room_with(tier)
        before = room.list_agents(), chain.head(room.store, NAMESPACE)
        for attempt in (
            lambda: room.grant_access(room.agent, STEWARD),
            lambda: room.grant_access("another", OBSERVER),
            lambda: room.revoke_access("root"),
            lambda: room.set_default_access(VALIDATOR),
        ):
            with pytest.raises(AccessDenied):
                attempt()
        assert (room.list_agents(), chain.head(room.store, NAMESPACE)) == before

    def test_a_change_of_tier_keeps_the_token(self, place):
        """Nothing is to be handed out anew; seats are opened and go on with it."""
        root = place.room_with(STEWARD, "boss")
        token = root.grant_access("alice", VALIDATOR)
        alice = place.room("alice", token=token)
        assert root.grant_access("alice", CONTRIBUTOR) == ""
        assert alice.access_tier is place.room("alice", token=token).access_tier is CONTRIBUTOR
        assert chain.read(root.store, NAMESPACE)[-1].details == {"tier": "contributor"}

    def test_a_new_token_makes_the_old_one_worthless(self, place):
        """So a token that got lost is mended; seats that are open with it only read, and say what to do."""
        root = place.room_with(STEWARD, "boss")
        old = root.grant_access("alice", VALIDATOR)
        stranded = place.room("alice", token=old)
        pattern_id = stranded.stage_pattern({"name": "a lesson"})
        new = root.grant_access("alice", VALIDATOR, new_token=True)
        assert new not in {"", old}
        assert stranded.access_tier is OBSERVER
        for attempt in (
            lambda: stranded.stage_pattern({"name": "another"}),
            lambda: stranded.promote_pattern(pattern_id),
        ):
            with pytest.raises(AccessDenied, match="another token") as raised:
                attempt()
            assert "open a new seat" in raised.value.hint
        with pytest.raises(AccessDenied, match="no longer") as raised:
            place.room("alice", token=old)
        assert raised.value.hint.endswith("--new-token")
        assert place.room("alice", token=new).promote_pattern(pattern_id)
        assert chain.read(root.store, NAMESPACE)[-2].details == {"tier": "validator", "renewed": True}

    def test_a_seat_goes_on_with_the_token_it_gave_itself(self, place):
        """It has just been shown it; another seat of the same agent has not."""
        root = place.room("root")
        first = root.grant_access("root", STEWARD)
        other = place.room("root", token=first)
        assert root.grant_access("root", STEWARD, new_token=True)
        assert (root.access_tier, other.access_tier) == (STEWARD, OBSERVER)

    def test_a_revoked_agent_only_reads_and_its_name_stays_taken(self, place):
        """Else its own entries would be open to whoever takes its name next."""
        alice = place.room_with(VALIDATOR, "alice")
        root = place.room("root", token=place.root_token)
        assert root.revoke_access("alice")
        assert alice.access_tier is OBSERVER
        with pytest.raises(AccessDenied, match="revoked"):
            place.room("alice")
        token = root.grant_access("alice", CONTRIBUTOR)
        assert place.room("alice", token=token).access_tier is CONTRIBUTOR
        assert alice.access_tier is OBSERVER, "its token is not the one of now"

    def test_revoking_nobody_is_told(self, place):
        """Who is not registered, or not any more, has nothing to lose; no act is written."""
        root = place.room_with(STEWARD, "boss")
        root.grant_access("alice", VALIDATOR)
        assert root.revoke_access("alice") is True
        head = chain.head(root.store, NAMESPACE)
        assert root.revoke_access("alice") is False
        assert root.revoke_access("nobody") is False
        assert chain.head(root.store, NAMESPACE) == head

    def test_the_last_steward_stays(self, place):
        """It can be neither revoked nor made less, until there is another."""
        room = place.room("root")
        room.grant_access("root", STEWARD)
        for attempt in (lambda: room.revoke_access("root"), lambda: room.grant_access("root", VALIDATOR)):
            with pytest.raises(AccessDenied, match="last steward"):
                attempt()
        room.grant_access("root", STEWARD)  # the same again
        room.grant_access("second", STEWARD)
        assert room.revoke_access("root")
        assert [(record.agent, record.tier) for record in room.list_agents()] == [
            ("root", None),
            ("second", STEWARD),
        ]

    def test_unknown_agents_can_be_made_to_only_read(self, place):
        """From the next operation on, also where a seat is open; registered ones are not touched."""
        anybody, alice = place.room("anybody"), place.room_with(CONTRIBUTOR, "alice")
        assert anybody.access_tier is CONTRIBUTOR
        root = place.room("root", token=place.root_token)
        assert root.set_default_access(OBSERVER) is True
        assert root.set_default_access(OBSERVER) is False
        assert (anybody.access_tier, alice.access_tier) == (OBSERVER, CONTRIBUTOR)
        with pytest.raises(AccessDenied):
            anybody.stage_pattern({"name": "a lesson"})

    def test_not_everybody_can_be_a_steward(self, place):
        """That would open the door that the first steward shut."""
        with pytest.raises(UsageError):
            place.room_with(STEWARD).set_default_access(STEWARD)

    @pytest.mark.parametrize("tier", [3, "steward", None, True])
    def test_a_tier_is_an_access_tier(self, place, tier):
        """Not a number and not a word."""
        room = place.room_with(STEWARD)
        with pytest.raises(UsageError, match="AccessTier"):
            room.grant_access("alice", tier)

    @pytest.mark.parametrize("agent", ["*", "a:b", "a}b", "ä ö", "../x", "root ", "a\nb"])
    def test_any_text_is_a_name(self, place, agent):
        """And the name of one agent only."""
        room = place.room_with(OBSERVER, agent)
        assert room.access_tier is OBSERVER
        assert agent in [record.agent for record in room.list_agents()]
        assert place.room(f"{agent}x").access_tier is CONTRIBUTOR

    @pytest.mark.parametrize("agent", ["", None, 7, "\ud800"])
    def test_what_is_no_text_is_no_name(self, place, agent):
        """Nothing is granted to it or taken from it."""
        room = place.room_with(STEWARD)
        with pytest.raises(UsageError):
            room.grant_access(agent, OBSERVER)
        with pytest.raises(UsageError):
            room.revoke_access(agent)

    def test_a_tier_withdrawn_in_the_middle_stops_the_act(self, place):
        """The records that allow an act are part of its transaction: there is no moment in between."""
        alice = place.room_with(VALIDATOR, "alice")
        root = place.room("root", token=place.root_token)
        pattern_id = alice.stage_pattern({"name": "a lesson"})
        see_many = alice.store.see_many
        withdrawn: list[str] = []

        def see_and_then(names):
            seen = see_many(names)
            if not withdrawn:
                withdrawn.append(root.grant_access("alice", CONTRIBUTOR))
            return seen

        alice.store.see_many = see_and_then
        with pytest.raises(AccessDenied):
            alice.promote_pattern(pattern_id)
        assert withdrawn
        assert alice.get_staged_pattern(pattern_id) is not None
