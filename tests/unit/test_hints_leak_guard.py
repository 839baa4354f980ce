"""The leak guard: what it refuses, at which level, and what it lets through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.hints.leak_guard import MAX_CHARACTERS, UNION_LIMITS, GuardReport, candidates, check, measure, prepare
from backend.hints.levels import Level

REFERENCE = """\
n = int(input())
total = 0
for _ in range(n):
    price, count = map(int, input().split())
    amount = price * count
    if count >= 10:
        amount = amount * 9 // 10
    total += amount
print(total)
"""
OTHER = """\
rows = [list(map(int, input().split())) for _ in range(int(input()))]
print(sum(p * c * 9 // 10 if c >= 10 else p * c for p, c in rows))
"""
WRONG = REFERENCE.replace(">=", ">")
OWN_NAMES = WRONG.replace("count", "cnt").replace("total", "result").replace("amount", "won")
HALF = "\n".join(REFERENCE.splitlines()[:4])
KNOWN = ["하루 매출을 구하라. 10개 이상 팔면 10%를 깎아 준다.", "2\n1000 3\n500 10", "7500"]
EVERY_LEVEL = list(Level)
RENAMED = """\
```python
k = int(input())
s = 0
for i in range(k):
  a,b=map(int,input().split())
  c=a*b
  # discount
  if b>=10:
    c=c*9//10
  s=s+c
print(s)
```"""
IN_WORDS = """\
1. 정수 n을 입력받는다
2. total을 0으로 둔다
3. n번 반복한다
4. price와 count를 입력받는다
5. amount에 price * count를 저장한다
6. 만약 count가 10 이상이면
7. amount에 amount * 9 // 10을 저장한다
8. total에 amount를 더한다
9. total을 출력한다"""


def judged(
    hint: str, program: str = WRONG, level: Level = Level.PSEUDO_CODE, earlier: tuple[str, ...] = ()
) -> GuardReport:
    return check(hint, level, prepare([REFERENCE, OTHER], program, KNOWN), earlier=earlier)


@pytest.mark.parametrize("level", EVERY_LEVEL)
@pytest.mark.parametrize("program", ["", HALF, WRONG, OWN_NAMES], ids=["empty", "half", "wrong", "own names"])
@pytest.mark.parametrize(
    "leak",
    [
        f"```python\n{REFERENCE}```",
        REFERENCE,
        RENAMED,
        "\n".join(f"{number}. {line}" for number, line in enumerate(REFERENCE.splitlines(), 1)),
        " ".join(f"먼저 `{line.strip()}` 를 쓰세요." for line in REFERENCE.splitlines()),
        " ".join(f"then {line.strip()} ." for line in REFERENCE.splitlines()),
        "<pre>" + REFERENCE.replace(">", "&gt;") + "</pre>",
        "\u200b".join(REFERENCE),
        f"```\n{OTHER}\n```",
    ],
    ids=["fenced", "plain", "renamed", "numbered", "inline", "sentence", "html", "invisible characters", "another"],
)  # fmt: skip
def test_solutions_are_refused_at_every_level(leak: str, program: str, level: Level) -> None:
    assert not judged(leak, program, level).allowed


@pytest.mark.parametrize("program", ["", HALF, WRONG, OWN_NAMES], ids=["empty", "half", "wrong", "own names"])
@pytest.mark.parametrize(
    "leak",
    [
        IN_WORDS,
        IN_WORDS.replace("\n", ". "),
        "set total to 0. for each of the n lines read price and count. set amount to price times count. "
        "if count is at least 10 then set amount to amount times 9 divided by 10. add amount to total. print total.",
        "total ← 0\nFOR i FROM 1 TO n\nREAD price, count\namount ← price × count\nIF count ≥ 10 THEN\n"
        "amount ← amount × 9 // 10\nEND IF\ntotal ← total + amount\nEND FOR\nOUTPUT total",
    ],
    ids=["steps", "prose", "english", "arrows"],
)  # fmt: skip
def test_programs_told_one_to_one_in_words_are_refused(leak: str, program: str) -> None:
    assert not judged(leak, program).allowed


@pytest.mark.parametrize(
    "leak",
    [
        "`if count >= 10:`",
        "여섯 번째 줄은 if count >= 10: 이어야 해요.",
        "조건은 `count >= 10`이에요.",
        "6번째 줄의 `>`를 `>=`로 바꾸세요.",
        "Replace `>` by `>=`.",
        "Use `>=` instead of `>` there.",
        "On line 6 change the comparison to greater than or equal.",
    ],
)
def test_the_one_line_that_is_wrong_is_refused_as_code_and_in_words(leak: str) -> None:
    report = judged(leak)

    assert "fixing_lines" in report.reasons


@pytest.mark.parametrize("level", EVERY_LEVEL)
@pytest.mark.parametrize("program", [WRONG, OWN_NAMES], ids=["wrong", "own names"])
@pytest.mark.parametrize(
    "hint",
    [
        "6번째 줄의 조건을 보세요. 개수가 꼭 10일 때는 어느 쪽으로 가나요?",
        "입력 `2\n1000 3\n500 10`에서는 7500이 나와야 하는데 지금은 8000이 나와요. 어느 줄에서 달라지나요?",
        "Your loop is right. Follow `500 10` through the lines after it: which branch is taken?",
        "`>`와 `>=`는 값이 같을 때 다르게 움직여요. 문제에서는 10개일 때 어떻게 하라고 했나요?",
        "`int()`, `input()`과 `map()`은 잘 썼어요. `range(n)`이 몇 번 도는지 세어 보세요.",
        "Think of a height limit at a fair: may a child who is just that tall go in?",
        "- 모든 값을 읽어요\n- 하나씩 조건에 맞는지 살펴봐요\n- 결과를 출력해요\n지금은 둘째 단계를 보세요.",
    ],
)
def test_hints_of_a_good_tutor_pass(hint: str, program: str, level: Level) -> None:
    assert judged(hint, program, level).reasons == ()


@pytest.mark.parametrize("level", EVERY_LEVEL)
def test_the_learners_own_lines_are_no_leak(level: Level) -> None:
    quoted = f"Your program:\n```python\n{WRONG}```\nLine 6 says `if count > 10:`, and `total += amount` comes last."

    assert judged(quoted, WRONG, level).reasons == ()


def test_code_is_budgeted_by_level() -> None:
    one = "다른 예를 볼게요: `water = water * 3 // 4`"
    two = one + " 그리고 `names.sort(key=len)`"

    allowed = {level: (judged(one, "", level).allowed, judged(two, "", level).allowed) for level in Level}

    assert allowed == {
        Level.ORIENT: (False, False),
        Level.CONCEPT: (False, False),
        Level.PLAN: (False, False),
        Level.NEXT_STEP: (True, False),
        Level.PSEUDO_CODE: (True, True),
    }
    assert judged(one, "", Level.PLAN).reasons == ("code_budget",)


def test_a_solution_in_three_hints_is_refused_when_they_add_up() -> None:
    lines = REFERENCE.splitlines()
    parts = ["`" + "` `".join(line.strip() for line in lines[at : at + 2]) + "`" for at in (3, 5, 7)]

    reports = [judged(part, "", Level.PSEUDO_CODE, tuple(parts[:count])) for count, part in enumerate(parts)]

    assert reports[0].allowed
    assert any("union" in report.reasons for report in reports)


def test_any_number_of_hints_that_tell_nothing_may_lie_between_those_that_do() -> None:
    material = prepare([REFERENCE], "", KNOWN)
    earlier: list[str] = []
    shown = []
    for line in REFERENCE.splitlines():
        hint = f"Next write `{line.strip()}` there."
        shown.append(check(hint, Level.NEXT_STEP, material, earlier=earlier).allowed)
        if shown[-1]:
            idle = [f"Read the problem once more; question {number}." for number in range(25)]
            earlier += [hint, *idle]

    at_once = judged("\n".join(line for line in earlier if "write" in line), "").measures.alone
    assert at_once.lines < UNION_LIMITS.lines
    assert not all(shown)


@pytest.mark.parametrize(
    ("block", "allowed"),
    [
        ("```js\nconst x = read();\n```", False),
        ("```ruby\nputs gets.to_i + 1\n```", False),
        ("```\nconst t = read();\nlet best = at(t);\nfor (let i = 1; i < 9; i++) {\n  step(t[i]);\n}\n```", False),
        ("let best = next(t);\nint at = find(best);\nwhile (has(at)) {\nstep(at);\n}", False),
        ("```text\n2\n1000 3\n500 10\n```", True),
        ("```\n1 + 2 = 3\n2 + 3 = 5\n3 + 4 = 7\n4 + 5 = 9\n```", True),
        ("```\nlook at the first value\nask whether it counts\nremember it\ngo on\n```", True),
        (f"```js\n{WRONG}```", True),
    ],
    ids=["javascript", "ruby", "no label", "no fence", "a case", "sums", "words", "his own"],
)
def test_code_in_other_languages_is_code(block: str, allowed: bool) -> None:
    assert judged(f"Look at this.\n{block}\nWhat do you see?").allowed is allowed


def test_an_expression_as_long_as_a_line_is_one() -> None:
    assert judged("Think about `values.index(max(values)) + 1`.", "", Level.PLAN).reasons == ("code_budget",)
    for short in ("`range(len(values) - 1)`", "`a + b`", "`n % 2 == 0`", "`list(map(int, input().split()))`"):
        assert judged(f"Think about {short}.", "", Level.PLAN).reasons == ()


def test_a_hint_that_adds_nothing_is_not_blamed_for_those_before() -> None:
    report = judged("6번째 줄을 다시 읽어 보세요.", WRONG, Level.ORIENT, earlier=("`count >= 10`",))

    assert report.measures.union.lines == 1.0
    assert report.allowed


def test_what_runs_is_refused_whatever_the_figures() -> None:
    material = prepare([REFERENCE], "", KNOWN)

    assert check("Well done.", Level.PSEUDO_CODE, material, executes=True).reasons == ("executes",)


def test_what_is_too_long_to_be_judged_is_refused() -> None:
    assert judged("좋아요. " * MAX_CHARACTERS, "", Level.PLAN).reasons == ("too_long",)


def test_short_programs() -> None:
    material = prepare(["print(ord(input()))"], "", ["글자의 아스키 코드를 출력하라.", "A", "65"])

    for leak in (
        "```\nprint(ord(input()))\n```",
        "print(ord(input()))",
        "`print(ord(input()))`",
        "c = input() ; print(ord(c))",
    ):
        assert not check(leak, Level.PLAN, material).allowed
    for hint in (
        "`input()`으로 글자를 읽고, 그 글자의 번호를 알려 주는 함수를 찾아보세요. `print()`로 보여 주면 돼요.",
        "입력 `A`에는 65를 출력해야 해요.",
    ):
        assert check(hint, Level.PSEUDO_CODE, material).allowed


@pytest.mark.parametrize("solution", ["for _ in range(n):\nprint(data)", "if a and\nprint((", ""])
def test_references_that_do_not_parse_are_compared_as_text(solution: str) -> None:
    report = check(solution or "안녕하세요", Level.ORIENT, prepare([solution], "", []))

    assert report.allowed is not bool(solution)


@pytest.mark.parametrize(
    ("hint", "program", "wanted"),
    [
        (f"```python\n{REFERENCE}```", "", REFERENCE),
        ("`if count >= 10:`", WRONG, REFERENCE),
        ("`>` 대신 `>=`를 쓰세요.", WRONG, REFERENCE),
        ("Put `print(total)` at the end.", "\n".join(REFERENCE.splitlines()[:-1]), REFERENCE),
    ],
    ids=["alone", "in place of a line", "an operator", "a missing line"],
)
def test_candidates_are_the_programs_that_the_hint_would_make(hint: str, program: str, wanted: str) -> None:
    assert wanted.strip() in [candidate.strip() for candidate in candidates(hint, program)]


def test_hints_without_code_make_no_candidates() -> None:
    assert candidates("6번째 줄 `if count > 10:`을 보세요. 값이 같으면요?", WRONG) == []
    assert candidates("안녕하세요", "") == []


@settings(max_examples=60)
@given(hint=st.text(max_size=300), program=st.text(max_size=200), solution=st.text(max_size=200))
def test_no_text_makes_it_fail(hint: str, program: str, solution: str) -> None:
    measure(hint, prepare([solution, REFERENCE], program, [hint]), [program])
    candidates(hint, program, [solution])


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*REFERENCE.splitlines(), "x = y + 1", "while x < 3:", "    print(x)"]), max_size=12))
def test_quoting_any_program_of_the_learner_is_never_refused(lines: list[str]) -> None:
    program = "\n".join(lines)
    quoted = f"Look at your program again:\n```python\n{program}\n```\nWhat does each line do?"

    assert check(quoted, Level.ORIENT, prepare([REFERENCE, OTHER], program, KNOWN)).reasons == ()


@pytest.mark.parametrize(
    "piece", ["`x = 1` ", "if a > b: ", "\n- x = y\n", "바꾸세요 `>` ", "x를 출력한다. ", "for each "]
)
def test_long_hints_and_programs_end_soon(piece: str) -> None:
    """Run time grows with the length and no faster: these would take hours otherwise."""
    program = "x = 1\nif x > 2:\n" * 12_000

    check(piece * 20_000, Level.ORIENT, prepare([REFERENCE], program, [piece * 1_000]))
    candidates(piece * 2_000, program)
    candidates("Replace `+` by `-` in `a - b`.", "x = " + "+".join(["a"] * 9_000))
