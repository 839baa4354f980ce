"""The benchmark of the leak guard: what it makes of a reference, and its one line."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from backend.hints.problem_files import read_problems
from bench.leak_guard import leaks
from bench.leak_guard.__main__ import usable
from bench.leak_guard.states import chosen_names, renamed, significant, states
from bench.leak_guard.words import told

CODE = "total = 0\nfor n in map(int, input().split()):\n    if n >= 3:\n        total += n\nprint(f'{total}')\n"
PROBLEMS = [
    {
        "problem_id": "1", "title": "큰 수의 합", "level": 1, "tags": [], "description": "3 이상인 수를 더하라.",
        "input_description": "수", "output_description": "합", "examples": [{"input": "1 3 5", "output": "8"}],
        "url": "", "step_title": "",
        "solutions": [
            {"solution_id": 1, "solution_name": "", "solution_code": CODE, "logic_steps": []},
            {"solution_id": 2, "solution_name": "", "solution_code": "for x in y:\nprint(x)", "logic_steps": []},
        ],
    }
]  # fmt: skip


def test_states_are_repeatable_and_differ_from_the_solution() -> None:
    made = states(CODE, Random(3))

    assert made == states(CODE, Random(3))
    assert [state.name for state in made] == ["empty", "half", "line_missing", "changed", "changed_own_names"]
    assert all(state.program.strip() != CODE.strip() for state in made)


def test_renaming_reaches_the_holes_of_f_strings_and_no_other_text() -> None:
    assert chosen_names(CODE) == ["total", "n"]
    assert "print(f'{합}')" in renamed(CODE, {"total": "합"})
    assert renamed("a = 'a'", {"a": "b"}) == "b = 'a'"


@pytest.mark.parametrize("kind", leaks.KINDS)
@pytest.mark.parametrize("korean", [True, False])
def test_every_kind_of_leak_can_be_made(kind: str, korean: bool) -> None:
    hints = leaks.KINDS[kind](CODE, "total = 0", korean, Random(1))

    assert hints
    assert all(hint.strip() for hint in hints)
    assert (len(hints) > 1) is (kind == "split")


def test_a_program_in_words_has_a_sentence_for_each_statement() -> None:
    lines = told(CODE, korean=False, random=Random(1))

    assert len(lines) == len(significant(CODE))
    with pytest.raises(SyntaxError):
        ast.parse(lines[2])


def test_the_benchmark_prints_one_line_and_finds_the_leaks(tmp_path: Path) -> None:
    path = tmp_path / "problems.json"
    path.write_text(json.dumps(PROBLEMS))

    done = subprocess.run(
        [sys.executable, "-m", "bench.leak_guard", "--problems", str(path)], capture_output=True, text=True, check=True
    )

    figures = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert figures["problems"] == figures["solutions"] == figures["solutions_left_out"] == 1
    for kind in ("fenced", "unfenced", "renamed", "inline", "split"):
        assert figures[kind] == 1.0
    assert figures["safe_prose"] == 0.0
    assert figures["median_ms"] > 0


def test_references_that_do_nothing_are_left_out() -> None:
    entry = PROBLEMS[0] | {
        "solutions": [
            {"solution_id": number, "solution_code": code}
            for number, code in enumerate(["# print(1)\n", '"""print(1)"""', "x = 1", CODE], 1)
        ]
    }

    pairs = usable(list(read_problems(json.dumps([entry]).encode()).problems), broken=True)

    assert [solution.solution_id for _, solution in pairs] == [4]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.leak_guard", "--problems", str(tmp_path / "none.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "none.json" in done.stderr
    assert done.stdout == ""
