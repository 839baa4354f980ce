"""How programs of learners are judged."""

import pytest

from backend.errors import ProgramEmpty, ProgramNotText, ProgramTooLarge
from backend.hints.sandbox import Case, CaseResult, Judge, Limits, Verdict

SUM = Case("3 4\n", "7\n")
SLEEP = "import time\ntime.sleep(60)"


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.mark.parametrize(
    "program",
    [
        "a, b = map(int, input().split())\nprint(a + b)",
        "import sys\ninput = sys.stdin.readline\nprint(sum(map(int, input().split())))",
        "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
        "import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())))",
        "import sys\nprint(sum(map(int, sys.stdin.buffer.readline().split())))",
        "print(sum(map(int, open(0).read().split())))",
        "import os\nprint(sum(map(int, os.read(0, 1000).split())))",
        "def main():\n    print(sum(map(int, input().split())))\n\nif __name__ == '__main__':\n    main()",
        "print(7)\nexit()",
        "import sys\nprint(7)\nsys.exit()",
        "print(7)\nquit(0)\nprint(8)",
        "from collections import *\nq = deque([3, 4])\nprint(sum(q), Counter('a')['b'] or '', sep='')",
        "from collections import Counter\nprint(Counter([7, 3, 7]).most_common(1)[0][0])",
        "from typing import List\nfrom dataclasses import dataclass, field\n@dataclass(order=True)\nclass A:\n"
        "    x: int\n    y: List[int] = field(default_factory=list)\nprint(A(7).x)",
        "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(50000) - 49993)",
        "import sys, functools\nsys.setrecursionlimit(10**6)\n@functools.lru_cache(None)\n"
        "def f(n): return n and 1 + f(n - 1)\nprint(f(20000) - 19993)",
        "import heapq, bisect, math, itertools, functools, random, string, re, copy, decimal, fractions, operator\n"
        "print(math.gcd(14, 21))",
        "import datetime\nprint(datetime.datetime.strptime('2024-05-07', '%Y-%m-%d').day)",
        "import threading\nwith threading.Lock():\n    print(7)",
        "try:\n    import numpy\nexcept ImportError:\n    print(7)",
        "name = 'heapq'\nprint(__import__(name).nsmallest(1, [9, 7])[0])",
        "import atexit\natexit.register(print, 7)",
        "import sys\nsys.stdout = sys.__stdout__\nsys.stdout.write('7')",
        "\ufeffprint(7)\r\nif 1:\r\n\tpass\r\n",
        "x = '''한글'''\nprint(len(x) + 5)",
        "print('\\N{DIGIT SEVEN}')",
        "print(7)\nimport sys\nprint('looking', file=sys.stderr)",
    ],
)
async def test_what_learners_write_runs(judge: Judge, program: str) -> None:
    result = await one(judge, program)
    assert (result.verdict, result.message) == (Verdict.PASSED, "")


@pytest.mark.parametrize(
    ("program", "verdict", "line", "message"),
    [
        ("print(8)", Verdict.WRONG_ANSWER, None, ""),
        ("pass", Verdict.WRONG_ANSWER, None, ""),
        ("def f():\n    return 1 / 0\n\nf()", Verdict.RUNTIME_ERROR, 2, "ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')", Verdict.RUNTIME_ERROR, 2, "JSONDecodeError: Expecting property name"),
        ("x = [1]\nprint(x[1])", Verdict.RUNTIME_ERROR, 2, "IndexError: list index out of range"),
        ("input()\ninput()", Verdict.RUNTIME_ERROR, 2, "EOFError: EOF when reading a line"),
        ("def f(n):\n    return f(n)\nf(0)", Verdict.RUNTIME_ERROR, 2, "RecursionError: maximum recursion depth"),
        ("raise ValueError('a\\nb')", Verdict.RUNTIME_ERROR, 1, "ValueError: a b"),
        ("import sys\nsys.exit(3)", Verdict.RUNTIME_ERROR, 2, "SystemExit: 3"),
        ("import os\nos._exit(0)", Verdict.RUNTIME_ERROR, None, "the program ended itself"),
        ("print(7)\nx = (1,", Verdict.SYNTAX_ERROR, 2, "SyntaxError: '(' was never closed"),
        ("if 1:\n  x = 1\n\ty = 2", Verdict.SYNTAX_ERROR, 3, "TabError: inconsistent use of tabs"),
        ("for i in range(3)\n    print(i)", Verdict.SYNTAX_ERROR, 1, "SyntaxError: expected ':'"),
        ("(" * 30_000, Verdict.SYNTAX_ERROR, 1, "SyntaxError: too many nested parentheses"),
        ("x = " + "-" * 60_000 + "1", Verdict.SYNTAX_ERROR, None, "SyntaxError: too deeply nested"),
        ("exec('(')", Verdict.RUNTIME_ERROR, 1, "SyntaxError: '(' was never closed"),
        ("x = []\nwhile True:\n    x.append('x' * 10**6)", Verdict.MEMORY_LIMIT, 3, "MemoryError"),
        ("x = [0] * 10**10", Verdict.MEMORY_LIMIT, 1, "MemoryError"),
        ("while True:\n    print('x' * 1000)", Verdict.OUTPUT_LIMIT, None, ""),
        ("import sys\nwhile True:\n    print('x', file=sys.stderr)", Verdict.OUTPUT_LIMIT, None, ""),
    ],
)
async def test_what_goes_wrong_is_told(
    judge: Judge, program: str, verdict: Verdict, line: int | None, message: str
) -> None:
    result = await one(judge, program)
    assert (result.verdict, result.line) == (verdict, line)
    assert result.message.startswith(message)
    assert "/" not in result.message


@pytest.mark.parametrize(
    ("program", "line", "call"),
    [
        ("x = 1\nopen('data.txt')", 2, "open"),
        ("with open('/etc/passwd') as file:\n    pass", 1, "open"),
        ("import os\nos.fork()", 2, "os.fork"),
        ("import os\n\nif True: os.listdir('/')", 3, "os.listdir"),
        ("import os\nos.kill(1, 9)", 2, "os.kill"),
        ("import socket", 1, "import socket"),
        ("import os, subprocess", 1, "import subprocess"),
        ("from urllib.request import urlopen", 1, "import urllib"),
        ("import numpy as np", 1, "import numpy"),
        ("import threading\nt = threading.Thread(target=print)\nt.start()", 3, "threading.Thread"),
        ("__import__('hea' + 'pq')", 1, "import heapq"),
    ],
)
async def test_what_is_not_allowed_is_named(judge: Judge, program: str, line: int, call: str) -> None:
    result = await one(judge, program)
    assert (result.verdict, result.line, result.call) == (Verdict.NOT_ALLOWED, line, call)


@pytest.mark.parametrize(
    ("program", "case", "verdict", "got"),
    [
        ("def solve(a, b):\n    return a + b", Case("[3, 4]", "7"), Verdict.PASSED, "7"),
        ("def solve(a, b):\n    return (a, [b])", Case("[3, 0.5]", "[3, [0.5]]"), Verdict.PASSED, "[3, [0.5]]"),
        ("def solve(s):\n    return s[::-1]", Case('["가나"]', '"나가"'), Verdict.PASSED, '"\\ub098\\uac00"'),
        ("def solve(a):\n    a.append(1)", Case("[[2]]", "null"), Verdict.PASSED, "null"),
        ("def solve(a):\n    print('noise')\n    return a / 3", Case("[1]", "0.333333333333"), Verdict.PASSED, None),
        ("def solve(a):\n    return {a}", Case("[1]", "[1]"), Verdict.WRONG_ANSWER, "{1}"),
        ("def solve(a):\n    return 'x' * 10**6", Case("[1]", "1"), Verdict.OUTPUT_LIMIT, ""),
        ("def solve(a):\n    return a[5]", Case("[[1]]", "1"), Verdict.RUNTIME_ERROR, ""),
        ("def other(a):\n    return a", Case("[1]", "1"), Verdict.RUNTIME_ERROR, ""),
        ("def solve():\n    return 1", Case("[1]", "1"), Verdict.RUNTIME_ERROR, ""),
        ("def solve(a):\n    raise SystemExit(0)", Case("[1]", "null"), Verdict.RUNTIME_ERROR, ""),
    ],
)
async def test_functions(judge: Judge, program: str, case: Case, verdict: Verdict, got: str | None) -> None:
    result = (await judge.judge(program, [case], function="solve")).results[0]
    assert result.verdict == verdict
    assert got is None or result.got == got


async def test_results_come_in_order_with_the_smallest_failing_input(judge: Judge) -> None:
    cases = [Case(f"{n * 10**n}\n", str(n * 10**n)) for n in range(6)]
    judgement = await judge.judge("n = int(input())\nprint(n if n % 3 else 'x')", cases)
    assert [result.index for result in judgement.results] == list(range(6))
    assert (judgement.passed, judgement.total, judgement.not_run) == (4, 6, 0)
    assert judgement.verdict is Verdict.WRONG_ANSWER
    assert judgement.failing is not None
    assert (judgement.failing.input, judgement.failing.expected, judgement.failing.got) == ("0\n", "0", "x\n")
    assert not await judge.passes("print(0)", cases)
    assert await judge.passes("print(input())", cases)


async def test_what_need_not_be_run_is_not_run() -> None:
    judge = Judge(limits=Limits(wall_s=1.0, give_up_after=2))
    cases = [Case(str(n), str(n)) for n in range(9)]
    broken = await judge.judge("print(", cases)
    assert broken.verdict is Verdict.SYNTAX_ERROR
    assert (len(broken.results) + broken.not_run, broken.not_run >= 7) == (9, True)
    slow = await judge.judge(SLEEP, cases)
    assert slow.verdict is Verdict.TIME_LIMIT
    assert len(slow.results) in {2, 3}
    assert slow.total == 9
    first = await judge.judge("print(0)", cases, stop_at_first=True)
    assert first.verdict is Verdict.WRONG_ANSWER
    assert first.not_run >= 6


async def test_time_and_memory_are_told(judge: Judge) -> None:
    small, large = await one(judge, "print(7)"), await one(judge, "x = bytearray(b'x') * (100 << 20)\nprint(7)")
    assert 1_000 < small.memory_kib < 60_000
    assert 100_000 < large.memory_kib < 200_000
    assert 0 < small.ms < 4000


async def test_long_and_odd_output_is_cut_and_storable(judge: Judge) -> None:
    long = await one(judge, "print('x' * 30000)")
    assert len(long.got) == 2001
    assert long.got.endswith("…")
    assert (await one(judge, "import os\nos.write(1, b'a\\0\\xff')")).got == "a\ufffd\ufffd"


@pytest.mark.parametrize("program", ["", " \n\t\r\n", "\ufeff"])
async def test_an_empty_program_is_turned_away(judge: Judge, program: str) -> None:
    with pytest.raises(ProgramEmpty):
        await judge.judge(program, [SUM])


@pytest.mark.parametrize("program", ["x = 1\nprint('\0')", "x = 1\n\ud800"])
async def test_a_program_that_is_not_text_is_turned_away(judge: Judge, program: str) -> None:
    with pytest.raises(ProgramNotText, match="line 2"):
        await judge.judge(program, [SUM])


async def test_a_program_that_is_too_large_is_turned_away(judge: Judge) -> None:
    with pytest.raises(ProgramTooLarge, match="200,000"):
        await judge.judge("x" * 200_000, [SUM])


async def test_a_program_without_cases_is_a_mistake_of_the_caller(judge: Judge) -> None:
    with pytest.raises(ValueError, match="cases"):
        await judge.judge("pass", [])
    with pytest.raises(ValueError, match="JSON array"):
        await judge.judge("pass", [Case("7", "7")], function="solve")


async def one(judge: Judge, program: str) -> CaseResult:
    return (await judge.judge(program, [SUM])).results[0]
