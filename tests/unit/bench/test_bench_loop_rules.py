"""The peers' rules do what the peers say of them in public."""

from __future__ import annotations

import pytest

from bench.loop_rules import GeminiCli, OpenCode, OpenHands
from quarterdeck.loops.events import AgentEvent

CALL = AgentEvent.call("grep", {"pattern": "TODO"}, "nothing", failed=False)
OTHER = AgentEvent.call("read", {"path": "a.py"}, "text", failed=False)
USER = AgentEvent.heard("Go on.")


def said(rule, events):
    """The verdict after each of *events*."""
    return [rule.observe(event) for event in events]


def calls(letters):
    """A call for each letter; the same letter is the same call with the same outcome."""
    return [AgentEvent.call(letter, {}, letter, failed=False) for letter in letters]


@pytest.mark.parametrize(
    "rule,threshold",
    [(OpenHands, 4), (GeminiCli, 5), (OpenCode, 3)],
)
def test_an_identical_call_is_a_loop_at_the_published_threshold(rule, threshold):
    """Not one earlier."""
    verdicts = said(rule(), [CALL] * threshold)
    assert [bool(verdict) for verdict in verdicts] == [False] * (threshold - 1) + [True]


@pytest.mark.parametrize("rule", [OpenHands, GeminiCli, OpenCode])
def test_a_message_of_the_user_ends_what_went_before(rule):
    """Nothing before it counts."""
    assert not any(said(rule(), [CALL, CALL, USER] * 4))


@pytest.mark.parametrize("rule", [OpenHands, GeminiCli, OpenCode])
def test_what_the_agent_says_in_between_does_not_tell_calls_apart(rule):
    """The kinder reading of the descriptions."""
    assert said(rule(), [CALL, AgentEvent.said("Once more.")] * 5)[-1]


def test_openhands_wants_the_same_observation_unless_it_is_an_error():
    """Three errors of one action are enough, whatever they say."""
    changing = [CALL._replace(outcome=str(number)) for number in range(9)]
    assert not any(said(OpenHands(), changing))
    failing = [event._replace(failed=True) for event in changing]
    assert [bool(verdict) for verdict in said(OpenHands(), failing[:3])] == [False, False, True]


def test_openhands_counts_messages_in_a_row():
    """Three, whatever they say; a call in between begins anew."""
    talk = [AgentEvent.said(f"Word {number}.") for number in range(3)]
    assert said(OpenHands(), talk) == ["", "", "monologue"]
    assert not any(said(OpenHands(), [*talk[:2], CALL, *talk[:2]]))


def test_openhands_sees_six_steps_to_and_fro():
    """Of two different pairs."""
    assert said(OpenHands(), [CALL, OTHER] * 3) == ["", "", "", "", "", "alternating"]


@pytest.mark.parametrize(
    "letters,expected",
    [
        ("ab" * 5, True),
        ("ab" * 4 + "a", False),
        ("abcde" * 5, True),
        ("abcdef" * 6, False),
        ("aabaabaabaabaab", True),
    ],
)
def test_gemini_sees_up_to_five_calls_five_times_over(letters, expected):
    """Outcomes do not count."""
    assert bool(said(GeminiCli(), calls(letters))[-1]) is expected


LINE = "I will now update the file and run all of the tests. "
DIGITS = "".join(map(str, range(400)))


@pytest.mark.parametrize(
    "text,expected",
    [
        (LINE * 12, True),
        (LINE * 9, False),
        ("```\n" + LINE * 12, False),
        ("".join(f"I will now update the file and run all tests of part {n}. " for n in range(30)), False),
        ("".join(LINE + DIGITS[90 * n :][:300] for n in range(12)), False),
    ],
    ids=["twelve times", "nine times", "code", "another number each time", "far apart"],
)
def test_gemini_sees_a_text_that_chants(text, expected):
    """The same 50 characters ten times, near to each other, and not in code."""
    assert bool(GeminiCli().observe(AgentEvent.said(text))) is expected


def test_gemini_looks_for_chants_no_further_than_to_the_next_call():
    """Half a chant, a call, half a chant."""
    half = AgentEvent.said(LINE * 6)
    assert said(GeminiCli(), [half, half])[-1] == "chanting"
    assert not any(said(GeminiCli(), [half, CALL, half]))


def test_opencode_compares_arguments_and_not_outcomes():
    """As its name and its input are compared as JSON."""
    outcomes = [CALL._replace(outcome=str(number)) for number in range(3)]
    assert said(OpenCode(), outcomes)[-1] == "doom loop"
    arguments = [CALL._replace(arguments={"pattern": str(number)}) for number in range(3)]
    assert not any(said(OpenCode(), arguments))
