"""The figures of the search's quality are what they are called, and the questions are what they should be."""

from __future__ import annotations

import json
import math

import pytest

from bench import tool_questions
from bench.pattern_quality import Quality, quality
from bench.programs import rankings

TOOLS: list[rankings.Tool] = [
    ("make_tea", "Boils water.", {"kind": "green or black"}),
    ("open_door", "Opens a locked door.", {}),
    ("feed_cat", "Gives food to a cat.", {"food": "what it eats"}),
]


def described(name, description, **parameters):
    """A tool as the leaderboard has it."""
    properties = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    return {"name": name, "description": description, "parameters": {"properties": properties}}


def asked(*turns):
    """A conversation in which the user says one message a turn, after a word of the system."""
    return [[{"role": "system", "content": "Obey."}, {"role": "user", "content": turn}] for turn in turns]


@pytest.fixture
def data(tmp_path):
    """The leaderboard's folder, with one request and one conversation in it."""
    folders = {"": tmp_path, "answer": tmp_path / "possible_answer", "doc": tmp_path / "multi_turn_func_doc"}

    def write(folder, name, *rows):
        folders[folder].mkdir(exist_ok=True)
        (folders[folder] / f"{name}.json").write_text("".join(json.dumps(row) + "\n" for row in rows))

    for category in tool_questions.CATEGORIES:
        write("", f"BFCL_v4_{category}")
        write("answer", f"BFCL_v4_{category}")
    tea, other_tea = described("tea", "Makes tea.", kind="which"), described("tea", "Makes the other tea.")
    door = described("door", "Opens it.")
    requests = [
        {"id": "m0", "question": asked("Tea, and open!"), "function": [tea, door]},
        {"id": "m1", "question": asked("The other tea."), "function": [other_tea]},
    ]
    answers = [
        {"id": "m0", "ground_truth": [{"tea": {}}, {"door": {}}, {"tea": {}}]},
        {"id": "m1", "ground_truth": [{"tea": {}}]},
    ]
    write("", "BFCL_v4_multiple", *requests)
    write("answer", "BFCL_v4_multiple", *answers)
    for file in tool_questions.PROGRAMS.values():
        write("doc", file, described("sort", f"Sorts in {file}."), described("cat", "Shows."))
    conversation = {"id": "c0", "question": asked("Sort it.", "Thanks!"), "involved_classes": ["MathAPI"]}
    write("", "BFCL_v4_multi_turn_base", conversation)
    write("answer", "BFCL_v4_multi_turn_base", {"id": "c0", "ground_truth": [["sort('a', by=cat(1))"], []]})
    return tmp_path


@pytest.mark.parametrize(
    "ranking,answers,expected",
    [
        ([1, 2, 3], {1}, Quality(1.0, 1.0)),
        ([3, 1], {1}, Quality(1 / math.log2(3), 1.0)),
        ([2, 1], {1, 2}, Quality(1.0, 1.0)),
        ([1, 1, 2], {1, 2}, Quality(1.0, 1.0)),
        ([], {1}, Quality(0.0, 0.0)),
        ([*range(10), 10], {10}, Quality(0.0, 0.0)),
        ([1, 3], {1, 2}, Quality(1 / (1 + 1 / math.log2(3)), 0.5)),
    ],
)
def test_quality_is_ndcg_and_recall_among_the_ten_best(ranking, answers, expected):
    """By their definitions, with gains of 0 and 1; what is found twice counts once."""
    assert quality([(ranking, frozenset(answers))]) == pytest.approx(expected)


def test_quality_is_the_mean_over_the_questions():
    """Each counts the same, however many answers it has."""
    perfect, missed = ([1, 2], frozenset({1, 2})), ([1], frozenset({9}))
    assert quality([perfect, missed]) == pytest.approx(Quality(0.5, 0.5))


def test_a_request_is_to_find_the_tools_that_its_reference_answer_calls(data):
    """Of two tools with one name, the one that the request came with."""
    name, tools, questions = tool_questions.requests(data)
    assert name == "single requests"
    assert tools == [
        ("tea", "Makes tea.", {"kind": "which"}),
        ("door", "Opens it.", {}),
        ("tea", "Makes the other tea.", {}),
    ]
    assert [each.text for each in questions] == ["Tea, and open!", "The other tea."]
    assert [sorted(each.answers) for each in questions] == [[0, 1], [2]]
    assert questions[0].is_tuned_on == questions[1].is_tuned_on


def test_a_turn_is_to_find_the_tools_of_its_own_calls(data):
    """Of the programs in the conversation; a turn without calls is no question."""
    _, tools, questions = tool_questions.turns(data)
    assert len(tools) == 2 * len(tool_questions.PROGRAMS)
    (question,) = questions
    assert question.text == "Sort it."
    assert [tools[number].description for number in question.answers] == ["Sorts in math_api."]


@pytest.mark.parametrize("engine", ["quarterdeck", "fts5", "tantivy"])
def test_an_engine_finds_a_tool_by_its_words(engine):
    """Best first; of signs and of the words of query languages nothing breaks."""
    questions = ["locked doors?", "What does the CAT eat: food AND (water)", '"zebra" NEAR(']
    door, cat, nothing = rankings.ENGINES[engine](TOOLS, questions)
    assert door[0] == 1
    assert cat[0] == 2
    assert nothing == []
