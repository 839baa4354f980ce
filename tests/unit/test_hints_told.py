"""Programs told in words: short ones, those of which little is missing, and sentences that tell nothing."""

import pytest

from backend.hints.leak_guard import check, prepare
from backend.hints.levels import Level

LEAP = "y = int(input())\nif (y % 4 == 0 and y % 100 != 0) or y % 400 == 0:\n    print(1)\nelse:\n    print(0)"
LEAP_BEGUN = "\n".join(LEAP.split("\n")[:2])
UNTIL_END = """\
while True:
    try:
        a, b = map(int, input().split())
        print(a + b)
    except EOFError:
        break"""
KNAPSACK = """\
n, k = map(int, input().split())
best = [0] * (k + 1)
for _ in range(n):
    w, v = map(int, input().split())
    for j in range(k, w - 1, -1):
        best[j] = max(best[j], best[j - w] + v)
print(best[k])"""
KNAPSACK_TOLD = """\
read an integer into (n, k). set best to [0] times k plus 1. repeat n times. read an integer into (w, v).
for j from k up to w minus 1. set best[j] to max(best[j], best[j - w] + v). print best[k]."""
TABLE = "n = int(input())\nfor i in range(1, 10):\n    print(f'{n} * {i} = {n * i}')"
TABLE_12 = "m = int(input())\nfor k in range(1, 12):\n    print(f'{m} * {k} = {m * k}')"


@pytest.mark.parametrize(
    ("reference", "program", "told"),
    [
        ("print(ord(input()))", "", "ord(input())를 출력한다"),
        ("print(max(map(int, input().split())))", "", "print the largest of map(int, input().split())"),
        (LEAP, "", "정수 y를 입력받는다\n만약 (y % 4 == 0 and y % 100 != 0) or y % 400 == 0 이면\n  1을 출력한다\n"
         "그렇지 않으면\n  0을 출력한다"),
        (UNTIL_END, "", "while True. try:. read an integer into (a, b). print a plus b."),
        (UNTIL_END, UNTIL_END.replace("a + b", "a - b"), "1. while True\n2. try:\n3. read an integer into (a, b)\n"
         "4. print a plus b"),
        ("import sys\nfor line in sys.stdin:\n    a, b = map(int, line.split())\n    print(a + b)",
         "import sys\nfor line in sys.stdin:\n    a, b = map(int, line.split())\n    print(a - b)",
         "for each line in sys.stdin. set (a, b) to map(int, line.split()). print a plus b."),
        (KNAPSACK, KNAPSACK.replace("w - 1", "w - 2"), KNAPSACK_TOLD),
        (TABLE, TABLE_12, "정수 n을 입력받는다\ni를 1부터 10 전까지 반복한다\nf'{n} * {i} = {n * i}'를 출력한다"),
    ],
    ids=["a call", "half in words", "leap year", "until the end", "its sum", "lines", "a bound", "f-string"],
)  # fmt: skip
def test_short_and_nearly_finished_programs_told_one_to_one(reference: str, program: str, told: str) -> None:
    assert not check(told, Level.PSEUDO_CODE, prepare([reference], program, ["배낭", "2000"])).allowed


@pytest.mark.parametrize(
    ("reference", "program", "hint"),
    [
        (LEAP, LEAP_BEGUN,
         "`print()`로 중간 값을 찍어 보면 어느 줄에서 생각과 달라지는지 알 수 있어요. "
         "입력이 `2000`일 때 지금은 2을(를) 출력하는데 기대하는 값은 1이에요."),
        (LEAP, LEAP_BEGUN, "Add a print to see `y` after each step. With `1900` your program prints 1 "
         "where 0 is expected. What does it print for `2000`, 0 or 1?"),
        ("n = int(input())\neven = n % 2\nprint(even)", "n = int(input())\neven = n // 2\nprint(even)",
         "Say in one sentence when `even` has to change, and hold that sentence against line 2."),
        ("text = input()\nprint(len(text))", "print(len(text))",
         "`input()` reads one line as text. Can you use that text as it is, or do you need it in another form?"),
        ("if n:\n    print(0)\nelif m:\n    print(0)\n    print(k)", "if n:\n    print(0)\nelif m:\n    print(k)",
         "Check the values right before `print(0)`. Are they what you thought they would be?"),
        ("print('hi')", "", "예제 입력 ``을 넣으면 `hi`이(가) 나와야 해요. 지금 프로그램은 `ho`을(를) 출력해요."),
    ],
    ids=["values of a case", "questions", "a name that is a word", "reading", "a line of his", "nothing in marks"],
)  # fmt: skip
def test_values_of_a_case_and_quoted_names_tell_nothing(reference: str, program: str, hint: str) -> None:
    assert check(hint, Level.ORIENT, prepare([reference], program, ["2000", "1900"])).reasons == ()


def test_another_name_for_input_is_a_name() -> None:
    reference = "import sys\ninput = sys.stdin.readline\nn = int(input())\nm = int(input())\nprint(n * m)"
    program = reference.replace("input", "read").replace("*", "+")

    for leak in ("`print(n * m)`", f"```python\n{reference}\n```", "Replace `+` by `*`."):
        assert not check(leak, Level.PSEUDO_CODE, prepare([reference], program, [])).allowed


def test_a_line_with_text_in_it_may_be_quoted_as_text() -> None:
    report = check('먼저 "print("Hello World!")" 를 쓰세요.', Level.ORIENT, prepare(['print("Hello World!")'], "", []))

    assert not report.allowed
