"""Reading of problem files: what is sound loads, and every reason why something is left out is told."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.hints.problem_files import MAX_FILE_BYTES, read_problems, write_problems
from backend.hints.problems import Example, Kind, Problem
from backend.hints.rejections import Reason
from backend.hints.sandbox.judge import PROGRAM_BYTES
from backend.settings import REPOSITORY

OWN = REPOSITORY / "data" / "problems_multi_solution.json"
REQUIRED = (
    "problem_id", "title", "level", "tags", "description", "input_description", "output_description", "examples",
    "solutions",
)  # fmt: skip


def _entry(**changes: Any) -> dict[str, Any]:
    return {
        "problem_id": "7",
        "title": "두 수의 합",
        "level": 1,
        "tags": ["수학"],
        "description": "두 수를 더하라.",
        "input_description": "두 수",
        "output_description": "합",
        "examples": [{"input": "1 2", "output": "3"}],
        "url": "https://example.org/7",
        "step_title": "입출력",
        "solutions": [
            {
                "solution_id": 1,
                "solution_name": "더하기",
                "solution_code": "print(sum(map(int, input().split())))",
                "logic_steps": [
                    {
                        "step_id": 1,
                        "goal": "더하기",
                        "description": "",
                        "code_pattern": "sum(",
                        "socratic_hint": "",
                        "hint": "",
                    }
                ],
            }
        ],
        **changes,
    }


def _file(*entries: object) -> bytes:
    return json.dumps(list(entries), ensure_ascii=False).encode()


def _own() -> tuple[Problem, ...]:
    reading = read_problems(OWN.read_bytes())
    assert not reading.rejected
    return reading.problems


def test_a_problem_is_read_with_everything_in_it() -> None:
    (problem,) = read_problems(_file(_entry())).problems
    assert (problem.problem_id, problem.level, problem.tags, problem.language) == (7, 1, ("수학",), "ko")
    assert problem.cases == (Example("1 2", "3"),)
    assert problem.solutions[0].steps[0].goal == "더하기"
    assert problem.kind is Kind.STDIN


def test_a_number_and_a_byte_order_mark_are_fine() -> None:
    assert read_problems(b"\xef\xbb\xbf" + _file(_entry(problem_id=7))).problems[0].problem_id == 7


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.MALFORMED_JSON),
        (b"[{", Reason.MALFORMED_JSON),
        (b"\xff\xfe\x00", Reason.MALFORMED_JSON),
        (b'["\\ud800"]', Reason.MALFORMED_JSON),
        (b"[" * 100_000, Reason.MALFORMED_JSON),
        (b"{}", Reason.NOT_A_LIST),
        (b"null", Reason.NOT_A_LIST),
        (b" " * (MAX_FILE_BYTES + 1), Reason.FILE_TOO_LARGE),
    ],
)
def test_a_file_that_is_no_list_is_one_entry(raw: bytes, reason: Reason) -> None:
    reading = read_problems(raw)
    assert not reading.problems
    assert [(each.position, each.reason) for each in reading.rejected] == [(0, reason)]


def _without(name: str) -> dict[str, Any]:
    entry = _entry()
    del entry[name]
    return entry


@pytest.mark.parametrize(
    ("entry", "reason", "named"),
    [
        (None, Reason.NOT_AN_OBJECT, ""),
        ([], Reason.NOT_AN_OBJECT, ""),
        *(
            (_without(name), Reason.MISSING_FIELD, name)
            for name in sorted(_entry())
            if name not in {"url", "step_title"}
        ),
        (_entry(title=5), Reason.WRONG_TYPE, "title"),
        (_entry(level="1"), Reason.WRONG_TYPE, "level"),
        (_entry(problem_id="seven"), Reason.WRONG_TYPE, "problem_id"),
        (_entry(problem_id=2**40), Reason.WRONG_VALUE, "problem_id"),
        (_entry(level=11), Reason.WRONG_VALUE, "level"),
        (_entry(examples=[{"input": "1"}]), Reason.MISSING_FIELD, "examples[0].output"),
        (_entry(tests=[{"input": "1", "output": 2}]), Reason.WRONG_TYPE, "tests[0].output"),
        (_entry(kind="drawing"), Reason.WRONG_VALUE, "kind"),
        (_entry(kind="function"), Reason.MISSING_FIELD, "function_name"),
        (_entry(kind="function", function_name="a b"), Reason.WRONG_VALUE, "function_name"),
        (_entry(kind="function", function_name="f"), Reason.WRONG_VALUE, "examples[0].input"),
        (_entry(examples=[]), Reason.NO_EXAMPLE, ""),
        (_entry(solutions=[]), Reason.NO_SOLUTION, ""),
    ],
)
def test_one_bad_problem_is_listed_and_the_rest_loads(entry: object, reason: Reason, named: str) -> None:
    reading = read_problems(_file(_entry(problem_id="1"), entry, _entry(problem_id="2")))
    assert [problem.problem_id for problem in reading.problems] == [1, 2]
    (rejected,) = reading.rejected
    assert (rejected.position, rejected.reason) == (2, reason)
    assert named in rejected.why.ko
    assert named in rejected.why.en


def test_the_second_of_two_equal_ids_is_left_out() -> None:
    reading = read_problems(_file(_entry(title="첫째"), _entry(problem_id=7, title="둘째")))
    assert [problem.title for problem in reading.problems] == ["첫째"]
    assert [(each.reason, each.title) for each in reading.rejected] == [(Reason.DUPLICATE_ID, "둘째")]


def test_a_bad_solution_is_left_out_alone() -> None:
    good = _entry()["solutions"][0]
    reading = read_problems(_file(_entry(solutions=[{"solution_id": 1}, good, {**good, "logic_steps": [{}]}, good])))
    assert len(reading.problems[0].solutions) == 1
    assert [(each.solution, each.reason) for each in reading.rejected] == [
        ("solutions[0]", Reason.MISSING_FIELD),
        ("solutions[2]", Reason.MISSING_FIELD),
        ("solutions[3]", Reason.WRONG_VALUE),
    ]


@pytest.mark.parametrize("code", ["", " \n\t\n", "\ufeff", "print('\0')", f"print(3)\n# {'x' * PROGRAM_BYTES}"])
def test_a_solution_that_no_judge_would_run_is_left_out(code: str) -> None:
    good = _entry()["solutions"][0]
    reading = read_problems(_file(_entry(solutions=[{**good, "solution_id": 2, "solution_code": code}, good])))
    assert [each.solution_id for each in reading.problems[0].solutions] == [1]
    (rejected,) = reading.rejected
    assert (rejected.solution, rejected.reason) == ("solutions[0]", Reason.WRONG_VALUE)
    assert "solution_code" in rejected.why.en


@pytest.mark.parametrize(
    ("value", "is_read"),
    [
        ("[" * 90 + "]" * 90, True),
        ("[" * 300 + "]" * 300, False),
        ("[1, " + "[" * 990 + "]" * 990 + "]", False),
        ('{"a": ' * 300 + "1" + "}" * 300, False),
    ],
)
def test_a_case_of_lists_far_within_lists_is_left_out(value: str, is_read: bool) -> None:
    function = {"kind": "function", "function_name": "f", "examples": [{"input": "[1]", "output": "1"}]}
    for case in ({"input": f"[{value}]", "output": "1"}, {"input": "[1]", "output": value}):
        reading = read_problems(_file(_entry(**function, tests=[case])))
        assert bool(reading.problems) is is_read
        assert [each.reason for each in reading.rejected] == ([] if is_read else [Reason.WRONG_VALUE])


def test_an_address_that_runs_something_is_dropped() -> None:
    assert read_problems(_file(_entry(url="javascript:alert(1)"))).problems[0].url == ""


def test_the_language_is_found_from_the_text() -> None:
    english = _entry(title="Sum", description="Add them.")
    assert read_problems(_file(english)).problems[0].language == "en"


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_nothing_makes_reading_fail(raw: bytes) -> None:
    read_problems(raw)


@settings(deadline=None)
@given(st.data())
def test_no_value_in_a_field_makes_reading_fail(data: st.DataObject) -> None:
    value = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2))
    entry = _entry(**{data.draw(st.sampled_from(sorted([*_entry(), "tests", "kind", "translations"]))): value})
    reading = read_problems(_file(entry))
    assert len(reading.problems) + len(reading.rejected) >= 1


def test_what_is_written_reads_to_the_same() -> None:
    problems = _own()
    reading = read_problems(write_problems(problems))
    assert reading.problems == problems
    assert not reading.rejected


def test_the_problems_that_come_with_ondol_are_many_and_complete() -> None:
    problems = _own()
    assert len(problems) >= 24
    assert {problem.level for problem in problems} == set(range(1, 11))
    assert sum(problem.level <= 5 for problem in problems) > len(problems) / 2
    assert Counter(problem.kind for problem in problems)[Kind.FUNCTION] >= 5
    for problem in problems:
        assert 2 <= len(problem.solutions) <= 3
        assert 2 <= len(problem.examples) <= 3
        assert 4 <= len(problem.tests) <= 8
        assert len(set(problem.cases)) == len(problem.cases)
        for solution in problem.solutions:
            assert 2 < len(solution.steps) < 7
            for step in solution.steps:
                assert step.code_pattern in solution.code
                assert all((step.goal, step.goal_en, step.description, step.socratic_hint, step.hint))


def _has_hangul(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)


def test_they_are_in_both_languages() -> None:
    for problem in _own():
        english = problem.in_language("en")
        assert _has_hangul(problem.title)
        assert _has_hangul(problem.description)
        for text in (english.title, english.description, english.input_description, english.output_description):
            assert text
            assert not _has_hangul(text)
        assert not _has_hangul("".join(english.tags))
        assert not _has_hangul("".join(step.goal for one in english.solutions for step in one.steps))
        assert problem.in_language("ko") is problem


def test_the_example_of_the_documentation_loads() -> None:
    text = (REPOSITORY / "docs" / "hints-problems.md").read_text(encoding="utf-8")
    reading = read_problems(text.split("```json\n")[1].split("```")[0].encode())
    assert [problem.problem_id for problem in reading.problems] == [9001]
    assert not reading.rejected
    assert reading.problems[0].in_language("en").solutions[0].steps[0].goal == "Print the remainder"
