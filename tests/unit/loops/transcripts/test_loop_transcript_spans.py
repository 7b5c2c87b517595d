"""What spans of GenAI mean, in the shapes in which exporters write them."""

from __future__ import annotations

import json

import pytest

from quarterdeck.costs.pricing import PriceBook
from quarterdeck.loops.transcripts import Format, Problem, Step, read_events, recognise

TRACE = "0x5b8efff798038103d269b633813fc60c"


def span(number, name, *, second=0, status="UNSET", trace=TRACE, **more):
    """A span as Python's console exporter prints it."""
    return {
        "name": name,
        "context": {"trace_id": trace, "span_id": f"0x{number:016x}", "trace_state": "[]"},
        "kind": "SpanKind.INTERNAL",
        "parent_id": None,
        "start_time": f"2026-09-03T10:00:{second:02}.000000Z",
        "end_time": f"2026-09-03T10:00:{second + 1:02}.000000Z",
        "status": {"status_code": status},
        "attributes": more.pop("told", {}),
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "crew"}},
        **more,
    }


def tool(number, *, arguments='{"q": 1}', result="found", **more):
    """The span of a tool."""
    told = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "search",
        "gen_ai.tool.call.arguments": arguments,
        "gen_ai.tool.call.result": result,
    }
    told = {name: value for name, value in told.items() if value is not None}
    return span(number, "execute_tool search", told=told | more.pop("told", {}), **more)


@pytest.fixture
def told(tmp_path):
    """What these spans tell, one a line, or printed one after another."""

    def read(*spans, indent=None, prices=None):
        path = tmp_path / "spans"
        path.write_text("\n".join(json.dumps(one, indent=indent) for one in spans))
        assert recognise(path) is Format.SPANS
        found = list(read_events(path, prices=prices))
        assert not [one for one in found if isinstance(one, Problem)]
        return [one for one in found if isinstance(one, Step)]

    return read


@pytest.mark.parametrize("indent", [None, 4])
def test_a_tool_that_is_executed_is_a_call(told, indent):
    """Printed over many lines, too, as a console exporter does."""
    steps = told(tool(1), tool(2, second=2, status="ERROR", result="no such index"), indent=indent)
    assert [(one.event.tool, one.event.arguments, one.event.outcome, one.event.failed) for one in steps] == [
        ("search", {"q": 1}, "found", None),
        ("search", {"q": 1}, "no such index", True),
    ]
    assert steps[0].event.name == "5b8efff798038103d269b633813fc60c:0000000000000001"
    assert steps[0].event.at.second == 1


def test_a_failure_without_a_result_says_why(told):
    """By the status, by the exception that ended the span, or by the type of the error."""
    exception = {"name": "exception", "attributes": {"exception.message": "timed out"}}
    (by_event,) = told(tool(1, result=None, status="ERROR", events=[exception]))
    (by_type,) = told(tool(1, result=None, told={"error.type": "TimeoutError"}))
    assert (by_event.event.outcome, by_event.event.failed) == ("timed out", True)
    assert (by_type.event.outcome, by_type.event.failed) == ("TimeoutError", True)


def test_calls_of_which_nothing_is_told_are_not_the_same(told):
    """Arguments and results are recorded only where somebody asks for them."""
    first, second = told(tool(1, arguments=None, result=None), tool(2, arguments=None, result=None, second=2))
    assert first.event.arguments != second.event.arguments


@pytest.mark.parametrize(
    "told_by",
    [
        {"openinference.span.kind": "TOOL", "tool.name": "search", "input.value": '{"q": 1}',
         "output.value": "a"},
        {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "search", "ai.toolCall.args": '{"q": 1}',
         "ai.toolCall.result": "a"},
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "search",
         "traceloop.entity.input": '{"q": 1}', "traceloop.entity.output": "a"},
        {"gen_ai.tool.name": "search", "tool_arguments": '{"q": 1}', "tool_response": "a",
         "logfire.msg": "running tool: search"},
    ],
    ids=["openinference", "vercel", "traceloop", "logfire"],
)  # fmt: skip
def test_other_names_of_the_same_are_known(told, told_by):
    """Libraries had names of their own before there were conventions."""
    (step,) = told(span(1, "running tool", told=told_by))
    assert (step.event.tool, step.event.arguments, step.event.outcome) == ("search", {"q": 1}, "a")


TRACELOOP = (
    {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Go.",
     "gen_ai.completion.0.content": "I look.",
     "gen_ai.completion.0.tool_calls.0.id": "c1",
     "gen_ai.completion.0.tool_calls.0.name": "search",
     "gen_ai.completion.0.tool_calls.0.arguments": '{"q": 1}'},
    {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Go.", "gen_ai.prompt.1.role": "assistant",
     "gen_ai.prompt.2.role": "tool", "gen_ai.prompt.2.content": "found",
     "gen_ai.prompt.2.tool_call_id": "c1"},
)  # fmt: skip
_ASKED, _ANSWERED = "llm.input_messages.", "llm.output_messages.0.message."
_CALL = f"{_ANSWERED}tool_calls.0.tool_call."
OPENINFERENCE = (
    {f"{_ASKED}0.message.role": "user", f"{_ASKED}0.message.content": "Go.", f"{_ANSWERED}role": "assistant",
     f"{_ANSWERED}contents.0.message_content.type": "text",
     f"{_ANSWERED}contents.0.message_content.text": "I look.", f"{_CALL}id": "c1",
     f"{_CALL}function.name": "search", f"{_CALL}function.arguments": '{"q": 1}'},
    {f"{_ASKED}10.message.role": "tool", f"{_ASKED}10.message.content": "found",
     f"{_ASKED}10.message.tool_call_id": "c1", f"{_ASKED}9.message.role": "assistant"},
)  # fmt: skip


@pytest.mark.parametrize("chats", [TRACELOOP, OPENINFERENCE], ids=["traceloop", "openinference"])
@pytest.mark.parametrize("spans_of_tools", [True, False])
def test_messages_may_stand_in_attributes_of_one_field_each(told, chats, spans_of_tools):
    """And a call that has a span of its own is still one call."""
    first, second = chats
    own = {"traceloop.span.kind": "tool", "traceloop.entity.name": "search",
           "traceloop.entity.input": '{"q": 1}', "traceloop.entity.output": "found"}  # fmt: skip
    between = [span(2, "search.tool", told=own, second=2)] if spans_of_tools else []
    steps = told(span(1, "chat", told=first), *between, span(3, "chat", told=second, second=4))
    assert [(one.event.text, one.event.tool, one.event.arguments, one.event.outcome) for one in steps] == [
        ("Go.", "", None, None),
        ("I look.", "", None, None),
        ("", "search", {"q": 1}, "found"),
    ]


def test_odd_names_of_attributes_are_no_messages(told):
    """A field that is a value and holds others, names without numbers, and without an end."""
    odd = {"gen_ai.prompt.": 1, "gen_ai.prompt.0": "x", "gen_ai.prompt.0.role.a": "b", "gen_ai.prompt.x": {},
           "gen_ai.completion.0.tool_calls": "c", "gen_ai.completion." + "0." * 10_000: 1}  # fmt: skip
    assert told(span(1, "chat", told=odd), tool(2, second=2))[0].event.tool == "search"


def test_a_span_of_claude_code_is_a_call(told):
    """Which names no operation."""
    (step,) = told(span(1, "claude_code.tool", told={"tool_name": "Bash", "full_command": "make"}))
    assert (step.event.tool, step.event.arguments) == ("Bash", "make")


def test_spans_may_share_the_id_of_a_call(told):
    """Some gateways give the same ids again; but an export that is sent again tells nothing new."""
    spans = [tool(number, told={"gen_ai.tool.call.id": "call_0"}, second=number) for number in range(12)]
    assert len(told(*spans, *spans)) == 12


def test_an_answer_that_is_sent_again_calls_nothing_again(told):
    """Nor does the span of the agent, which sums up what its answers said."""
    part = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}}
    answer = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [part]}])}
    chat = span(1, "chat", told={"gen_ai.operation.name": "chat", **answer})
    agent = span(9, "invoke_agent", told={"gen_ai.operation.name": "invoke_agent", **answer}, second=5)
    assert len(told(chat, tool(2, second=2, told={"gen_ai.tool.call.id": "c1"}), chat, agent)) == 1
    assert len(told({**agent, "kind": "SpanKind.CLIENT"})) == 1


def otlp(arguments):
    """An export of OTLP with one call."""
    attributes = [{"key": "gen_ai.tool.call.arguments", "value": arguments}]
    one = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "execute_tool search", "attributes": attributes}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


def test_arguments_may_be_structured(told):
    """As OTLP has lists, and keys with values."""
    listed = {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}, {}]}}
    arguments = {"kvlistValue": {"values": [{"key": "a", "value": listed}, {"key": "c", "value": {}}]}}
    (step,) = told(otlp(arguments))
    assert step.event.arguments == {"a": [1, "b", None], "c": None}


@pytest.mark.parametrize("kind", ["kvlistValue", "arrayValue"])
def test_structured_arguments_have_an_end(told, kind):
    """However deep they go."""
    deep: dict[str, object] = {"stringValue": "in"}
    for _ in range(150):
        deep = {kind: {"values": [{"key": "a", "value": deep} if kind == "kvlistValue" else deep]}}
    (step,) = told(otlp(deep))
    assert json.dumps(step.event.arguments).count("{" if kind == "kvlistValue" else "[") < 100


@pytest.mark.parametrize("of", [{}, {"gen_ai.operation.name": "chat"}, {"http.request.method": "GET"}])
def test_spans_that_tell_nothing_are_not_silently_no_loops(tmp_path, of):
    """Whoever looks for loops in them must know that there was nothing to look at."""
    path = tmp_path / "spans"
    path.write_text(json.dumps(span(1, "GET", told=of)))
    (problem,) = read_events(path)
    assert isinstance(problem, Problem)
    assert (problem.path, problem.line) == (str(path), 0)


def test_a_call_in_an_answer_and_its_span_are_one(told):
    """With an id or without; also where the next chat shows the result once more."""
    part = {"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}}
    answer = [{"role": "assistant", "parts": [part]}]
    response = {"type": "tool_call_response", "id": "c1", "response": "found"}
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Find it."}]}]
    first = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(asked)}
    first["gen_ai.output.messages"] = json.dumps(answer)
    again = {"gen_ai.operation.name": "chat"}
    again["gen_ai.input.messages"] = json.dumps([*asked, *answer, {"role": "tool", "parts": [response]}])
    for own in ({"gen_ai.tool.call.id": "c1"}, {}):
        steps = told(
            span(1, "chat", told=first), tool(2, second=2, told=own), span(3, "chat", second=4, told=again)
        )
        assert [(one.event.text, one.event.tool, one.event.outcome) for one in steps] == [
            ("Find it.", "", None),
            ("", "search", "found"),
        ]


def test_a_person_is_heard_once_each_time(told):
    """A chat that is tried again is no new word; the same word later is."""

    def chat(number, *texts):
        roles = ("user", "assistant") * len(texts)
        asked = [
            {"role": role, "parts": [{"type": "text", "content": text}]}
            for role, text in zip(roles, texts, strict=False)
        ]
        inputs = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(asked)}
        return span(number, "chat", second=2 * number, told=inputs)

    steps = told(chat(1, "Go on."), chat(2, "Go on."), chat(3, "Go on.", "Fine.", "Go on."))
    assert [step.event.text for step in steps] == ["Go on.", "Go on."]


def test_a_call_without_a_span_is_told_by_the_next_chat(told):
    """Where only the chats are recorded."""
    part = {"type": "tool_call", "id": "c1", "name": "search", "arguments": '{"q": 1}'}
    response = {"type": "tool_call_response", "id": "c1", "result": ["a"]}
    answer = {"role": "assistant", "parts": [part]}
    first = {"gen_ai.output.messages": json.dumps([answer])}
    again = {"gen_ai.input.messages": json.dumps([answer, {"role": "tool", "parts": [response]}])}
    (step,) = told(span(1, "chat", told=first), span(2, "chat", second=2, told=again))
    assert (step.event.tool, step.event.arguments, step.event.outcome) == ("search", {"q": 1}, ["a"])


def test_each_conversation_is_an_actor(told):
    """Its name, else the trace's: what two of them do at a time is no alternation."""
    named = {"gen_ai.conversation.id": "talk"}
    steps = told(
        tool(1, told=named),
        tool(2, trace="0x" + "b" * 32),
        tool(3, trace="0x" + "c" * 32, told=named),
    )
    assert [step.actor for step in steps] == ["talk", "b" * 32, "talk"]


def test_spans_of_one_export_are_taken_in_the_order_in_which_they_ended(told):
    """An export holds them as they were collected."""
    late, early = (
        {
            "traceId": "a" * 32,
            "spanId": f"{number:016x}",
            "name": "execute_tool search",
            "endTimeUnixNano": str(1_788_000_000_000_000_000 + number),
            "attributes": [{"key": "gen_ai.tool.call.result", "value": {"stringValue": str(number)}}],
            "status": {"code": 1},
        }
        for number in (2_000_000, 1_000_000)
    )
    export = {"resourceSpans": [{"scopeSpans": [{"spans": [late, early]}]}]}
    assert [(one.event.outcome, one.event.failed) for one in told(export)] == [
        ("1000000", False),
        ("2000000", False),
    ]


def test_an_answer_counts_once_where_two_libraries_saw_it(told):
    """And again when its export is sent again."""
    usage = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "own",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }
    inner = span(1, "chat", told=usage, parent_id=f"0x{2:016x}")
    outer = span(2, "chat", told=usage, second=1)
    prices = PriceBook(None, {"own": {"input_per_mtok": 1, "output_per_mtok": 10}})
    steps = told(inner, outer, tool(3, second=4), inner, tool(4, second=6), prices=prices)
    assert [step.event.cost_picousd for step in steps] == [2_000_000_000, None]
