"""What the hints page paints: strangers' text stays text, states have words, and a ladder shows what is closed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from types import ModuleType
from uuid import uuid4

import pytest

from backend.errors import Language
from backend.hints.asking import GUARD_REASONS, HintResult, Note, ProblemProgress, Progress, Source, Stage
from backend.hints.ladder import Tone
from backend.hints.levels import Level
from backend.hints.problems import Example, Kind, Problem, Solution
from backend.hints.sandbox import CaseResult, Judgement, Verdict
from backend.hints.teacher import Blocked, LevelCount, Report, Stuck
from backend.hints.validation import REASONS
from ui.hints_ladder import comparison, ladder, stage_words
from ui.hints_problem import first_lines, problem_text, results, value
from ui.markdown import rendered
from ui.teaching_report import report_page
from ui.text import TEXTS
from ui.texts import accounts, chat, common, documents, hints, teaching

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>\n\n```\n</div><script>x</script>"
LANGUAGES = [Language.KO, Language.EN]


def problem(**changes: object) -> Problem:
    values = {
        "problem_id": 7, "title": HOSTILE, "level": 2, "tags": (HOSTILE,), "description": HOSTILE,
        "input_description": "", "output_description": "", "examples": (Example("a  b\nc", "<b>"),),
        "solutions": (Solution(1, "one", "def f(first, second):\n    return first"),),
        "url": "javascript:alert(1)",
    }  # fmt: skip
    return Problem(**(values | changes))  # type: ignore[arg-type]


def progress(given: int = 0, *, solved: bool = False) -> ProblemProgress:
    following = Level(min(given + 1, 5))
    offered = tuple(level for level in Level if level <= following)
    return ProblemProgress(7, 1, solved, "print(1)\n", "wrong_answer", following, offered, {})


def hint(level: Level, text: str = "힌트", **changes: object) -> HintResult:
    values = {
        "hint_id": uuid4(), "problem_id": 7, "attempt_id": None, "text": text, "level_asked": level, "level": level,
        "tone": Tone.NOVICE, "language": "ko", "source": Source.MODEL, "note": None, "provider": "main",
        "model": "a-model", "hosted": False, "diagnosis": {}, "guard": {}, "validation": {}, "comparison_id": None,
        "rating": None, "complaint": None, "duration_ms": None, "created_at": NOW,
    }  # fmt: skip
    return HintResult(**(values | changes))  # type: ignore[arg-type]


def failed(verdict: Verdict, **changes: object) -> Judgement:
    values = {
        "index": 0, "verdict": verdict, "input": HOSTILE, "expected": "1", "got": HOSTILE, "ms": 12.4,
        "memory_kib": 1, "line": 3, "message": HOSTILE, "call": "os.fork",
    }  # fmt: skip
    return Judgement((CaseResult(**(values | changes)),), not_run=2)  # type: ignore[arg-type]


def is_one_block(html: str) -> bool:
    """One line, for a line break would end the HTML and begin Markdown; and nothing of a stranger is markup."""
    return "\n" not in html and "<img" not in html and "<script" not in html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_told_in_words(verdict: Verdict, language: Language) -> None:
    page = results(problem(), failed(verdict), language)
    assert is_one_block(page)
    assert TEXTS[f"verdict_{verdict}"].in_(language) in page
    if verdict is Verdict.NOT_ALLOWED:
        assert "os.fork" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_problem_of_a_stranger_is_text(language: Language) -> None:
    page = problem_text(problem(), progress(), language)
    assert is_one_block(page)
    assert "javascript:" not in page
    assert "print%281%29%0A" in page


def test_values_keep_their_spaces_and_lines() -> None:
    assert value("a  b\nc", Language.EN) == "<pre class='value'>a  b&#10;c</pre>"
    assert "nothing" in value("\n", Language.EN)


def test_a_function_begins_with_its_head() -> None:
    assert first_lines(problem(kind=Kind.FUNCTION, function_name="f")) == "def f(first, second):\n    "
    assert first_lines(problem()) == ""


def test_references_that_do_not_parse_keep_nobody_from_the_problem() -> None:
    broken, huge = Solution(1, "", "def f(x:\n    return x"), Solution(2, "", "(" * 60_000)
    whole = Solution(3, "", "def f(number):\n    return number")
    function = problem(kind=Kind.FUNCTION, function_name="f", solutions=(broken, huge, whole))
    assert first_lines(function) == "def f(number):\n    "
    assert first_lines(problem(kind=Kind.FUNCTION, function_name="f", solutions=(broken,))) == ""


def test_a_long_list_of_cases_shows_those_that_failed_and_counts_the_others() -> None:
    many = tuple(
        CaseResult(number, Verdict.WRONG_ANSWER if number == 39 else Verdict.PASSED, "", "", "", 1.0, 0)
        for number in range(40)
    )
    page = results(problem(), Judgement(many), Language.EN)
    assert page.count("<li>") == 30
    assert "Test 39" in page
    assert "10 more that were run are not listed." in page
    assert "not run" not in page
    page = results(problem(), Judgement(many[:2], not_run=3), Language.EN)
    assert "3 others were not run." in page
    assert "not listed" not in page


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("note", [None, *Note])
def test_the_ladder_shows_what_was_told_and_what_is_closed(language: Language, note: Note | None) -> None:
    first, second = hint(Level.ORIENT), hint(Level.CONCEPT, HOSTILE, note=note)
    page = ladder(progress(2), [first, second], None, NOW, language, unfolded=first.hint_id)
    assert is_one_block(page)
    assert page.count("class='closed'") == 2
    assert page.count("class='current'") == page.count("class='given'") == page.count("class='next'") == 1
    assert "<details open>" in page
    assert note is None or TEXTS[f"note_{note}"].in_(language) in page


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_words(stage: Stage) -> None:
    for attempt in (0, 1, 2):
        assert "{" not in stage_words(Progress(stage, attempt, 1200), Language.EN)


def test_a_comparison_names_who_wrote_nothing() -> None:
    page = comparison({"main": "A", "small": "B"}, {}, [hint(Level.ORIENT)], NOW, Language.EN, is_over=True)
    assert "This model made no hint" in page
    assert page.count("<section>") == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_escapes_what_models_and_learners_wrote(language: Language) -> None:
    report = Report(
        stuck=(Stuck(HOSTILE, 7, "", 3, "time_limit", False, 2, 5, NOW),),
        levels=(LevelCount(1, 1234, 1, 2, 3, 4, 5, 6, 7),),
        blocked=(Blocked(HOSTILE, 7, 2, 1, ("union", "unheard_of"), HOSTILE, NOW),),
        reasons={"union": 1},
    )
    page = report_page(report, NOW, language)
    assert is_one_block(page)
    assert "1,234" in page
    assert "unheard_of" in page


def test_every_reason_has_words() -> None:
    missing = [name for name in (*GUARD_REASONS, *REASONS, "wrong_language") if f"reason_{name}" not in TEXTS]
    assert not missing


@pytest.mark.parametrize(
    "text",
    [HOSTILE, "![a](https://evil.example/x)", "[a](https://evil.example)", "<https://evil.example>", "~~~\nopen"],
)
def test_rendered_markdown_leads_nowhere(text: str) -> None:
    html = rendered(text)
    assert is_one_block(html)
    assert "<a" not in html
    assert html.count("<pre>") == html.count("</pre>")


def test_no_page_takes_the_words_of_another() -> None:
    areas: Sequence[ModuleType] = (accounts, chat, common, documents, hints, teaching)
    for one, other in combinations(areas, 2):
        assert not set(one.TEXTS) & set(other.TEXTS)
