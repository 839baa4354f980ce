"""The file format of problems, read with patience: what is sound loads, what is not is listed with the reason."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from backend.errors import ProgramEmpty, ProgramNotText, ProgramTooLarge
from backend.hints.problems import (
    LEVELS,
    Example,
    Kind,
    LanguageName,
    LogicStep,
    Problem,
    Solution,
    Translation,
)
from backend.hints.rejections import Reason, Rejected, why
from backend.hints.sandbox.judge import checked

MAX_FILE_BYTES = 20_000_000
MAX_PROBLEMS = 20_000
_MAX_ID = 2**31 - 1  # a PostgreSQL integer
_MAX_DEPTH = 100  # of lists within lists in a function's case, which is read by recursion later on
_HANGUL = re.compile("[가-힣]")
_BOM = b"\xef\xbb\xbf"
_COPIED = (
    "title", "level", "tags", "description", "input_description", "output_description", "url", "step_title", "kind",
    "function_name", "language",
)  # fmt: skip

_Line = Annotated[str, Field(max_length=1_000)]
_Words = Annotated[str, Field(max_length=100_000)]
_Case = Annotated[str, Field(max_length=1_000_000)]


@dataclass(frozen=True)
class Reading:
    """What a file gave. `positions` has the place of each problem in it."""

    problems: tuple[Problem, ...]
    rejected: tuple[Rejected, ...]
    positions: tuple[int, ...] = ()


def read_problems(raw: bytes) -> Reading:
    """Reads a file of problems. It never raises: a file that is no list of problems is one entry of `rejected`."""
    if len(raw) > MAX_FILE_BYTES:
        return _unreadable(Reason.FILE_TOO_LARGE, f"{MAX_FILE_BYTES:,}")
    try:
        entries = orjson.loads(raw.removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        return _unreadable(Reason.MALFORMED_JSON, f"{error.lineno}:{error.colno}")
    if not isinstance(entries, list):
        return _unreadable(Reason.NOT_A_LIST)
    if len(entries) > MAX_PROBLEMS:
        return _unreadable(Reason.TOO_MANY, f"{MAX_PROBLEMS:,}")
    problems: dict[int, tuple[int, Problem]] = {}
    rejected: list[Rejected] = []
    for position, entry in enumerate(entries, 1):
        try:
            problem = _problem(entry, position, rejected)
            if problem.problem_id in problems:
                raise _Unusable(Reason.DUPLICATE_ID, problem.problem_id)
        except _Unusable as error:
            rejected.append(_rejection(entry, position, error))
        else:
            problems[problem.problem_id] = (position, problem)
    return Reading(
        tuple(problem for _, problem in problems.values()),
        tuple(rejected),
        tuple(position for position, _ in problems.values()),
    )


def write_problems(problems: Sequence[Problem]) -> bytes:
    """The problems as a file that `read_problems` reads to the same."""
    return orjson.dumps([_as_entry(problem) for problem in problems], option=orjson.OPT_INDENT_2)


def _as_entry(problem: Problem) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "problem_id": str(problem.problem_id),
        **{name: getattr(problem, name) for name in _COPIED},
        "examples": [asdict(case) for case in problem.examples],
        "tests": [asdict(case) for case in problem.tests],
        "solutions": [
            {
                "solution_id": one.solution_id,
                "solution_name": one.name,
                "solution_code": one.code,
                "logic_steps": [asdict(step) for step in one.steps],
            }
            for one in problem.solutions
        ],
    }
    if problem.translations:
        entry["translations"] = {one.language: _without(asdict(one), "language") for one in problem.translations}
    return entry


def _without(entry: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != name}


class _Unusable(Exception):
    def __init__(self, reason: Reason, detail: object = "") -> None:
        self.reason, self.why = reason, why(reason, detail)
        super().__init__(self.why.en)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


_Entry = TypeVar("_Entry", bound=_Model)


class _CaseEntry(_Model):
    input: _Case
    output: _Case


class _StepEntry(_Model):
    step_id: int
    goal: _Words
    description: _Words = ""
    code_pattern: _Words = ""
    socratic_hint: _Words = ""
    hint: _Words = ""
    goal_en: _Words = ""


class _SolutionEntry(_Model):
    solution_id: int
    solution_name: _Line = ""
    solution_code: str
    logic_steps: list[_StepEntry] = []


class _TranslationEntry(_Model):
    title: _Line
    description: _Words
    input_description: _Words
    output_description: _Words
    tags: list[_Line] = []


class _ProblemEntry(_Model):
    # Some files have ids as text, some as numbers.
    problem_id: Annotated[int, Field(strict=False, ge=1, le=_MAX_ID)]
    title: Annotated[str, Field(min_length=1, max_length=1_000)]
    level: Annotated[int, Field(ge=LEVELS.start, lt=LEVELS.stop)]
    tags: list[_Line]
    description: _Words
    input_description: _Words
    output_description: _Words
    examples: Annotated[list[_CaseEntry], Field(max_length=200)]
    solutions: Annotated[list[Any], Field(max_length=50)]
    tests: Annotated[list[_CaseEntry], Field(max_length=500)] = []
    url: Annotated[str, Field(max_length=2_000)] = ""
    step_title: _Line = ""
    kind: Annotated[Kind, Field(strict=False)] = Kind.STDIN
    function_name: _Line = ""
    language: LanguageName | None = None
    translations: dict[LanguageName, _TranslationEntry] = {}


def _problem(entry: object, position: int, rejected: list[Rejected]) -> Problem:
    """The problem of an entry; solutions that are left out are added to `rejected`. Raises _Unusable."""
    read = _read(_ProblemEntry, entry)
    if not read.examples:
        raise _Unusable(Reason.NO_EXAMPLE)
    if read.kind is Kind.FUNCTION:
        _check_function(read)
    solutions: dict[int, Solution] = {}
    for number, one in enumerate(read.solutions):
        try:
            solution = _solution(one)
            if solution.solution_id in solutions:
                raise _Unusable(Reason.WRONG_VALUE, f"solutions[{number}].solution_id")
            solutions[solution.solution_id] = solution
        except _Unusable as error:
            rejected.append(_rejection(entry, position, error, f"solutions[{number}]"))
    if not solutions:
        raise _Unusable(Reason.NO_SOLUTION)
    words = f"{read.title} {read.description}"
    return Problem(
        problem_id=read.problem_id,
        title=read.title,
        level=read.level,
        tags=tuple(read.tags),
        description=read.description,
        input_description=read.input_description,
        output_description=read.output_description,
        examples=tuple(Example(case.input, case.output) for case in read.examples),
        tests=tuple(Example(case.input, case.output) for case in read.tests),
        solutions=tuple(solutions.values()),
        url=read.url if read.url.startswith(("https://", "http://")) else "",
        step_title=read.step_title,
        kind=read.kind,
        function_name=read.function_name if read.kind is Kind.FUNCTION else "",
        language=read.language or ("ko" if _HANGUL.search(words) else "en"),
        translations=tuple(
            Translation(
                name, one.title, one.description, one.input_description, one.output_description, tuple(one.tags)
            )
            for name, one in read.translations.items()
        ),
    )


def _solution(entry: object) -> Solution:
    """Raises _Unusable, also for what no judge would run: a reference that cannot be checked is none."""
    read = _read(_SolutionEntry, entry)
    try:
        checked(read.solution_code)
    except (ProgramEmpty, ProgramNotText, ProgramTooLarge) as error:
        raise _Unusable(Reason.WRONG_VALUE, "solution_code") from error
    steps = tuple(LogicStep(**step.model_dump()) for step in read.logic_steps)
    return Solution(read.solution_id, read.solution_name, read.solution_code, steps)


def _check_function(read: _ProblemEntry) -> None:
    """Raises _Unusable unless there is a function to call and every case is JSON."""
    if not read.function_name.isidentifier():
        raise _Unusable(Reason.WRONG_VALUE if read.function_name else Reason.MISSING_FIELD, "function_name")
    for name, cases in (("examples", read.examples), ("tests", read.tests)):
        for number, case in enumerate(cases):
            if not isinstance(_json(case.input, f"{name}[{number}].input"), list):
                raise _Unusable(Reason.WRONG_VALUE, f"{name}[{number}].input")
            _json(case.output, f"{name}[{number}].output")


def _json(text: str, field: str) -> object:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _Unusable(Reason.WRONG_VALUE, field) from error
    if _is_deep(value):
        raise _Unusable(Reason.WRONG_VALUE, field)
    return value


def _is_deep(value: object) -> bool:
    """Whether more than `_MAX_DEPTH` lists or objects stand in each other."""
    within = [value]
    for _ in range(_MAX_DEPTH):
        holders = [
            each.values() if isinstance(each, dict) else each for each in within if isinstance(each, dict | list)
        ]
        within = [inner for holder in holders for inner in holder]
    return any(isinstance(each, dict | list) for each in within)


def _read(model: type[_Entry], entry: object) -> _Entry:
    if not isinstance(entry, dict):
        raise _Unusable(Reason.NOT_AN_OBJECT)
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _Unusable(_reason(first), _field(first)) from error


def _reason(error: ErrorDetails) -> Reason:
    if error["type"] == "missing":
        return Reason.MISSING_FIELD
    return Reason.WRONG_TYPE if error["type"].endswith(("_type", "_parsing")) else Reason.WRONG_VALUE


def _field(error: ErrorDetails) -> str:
    """`examples[0].output`"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")


def _rejection(entry: object, position: int, error: _Unusable, solution: str = "") -> Rejected:
    found: dict[str, Any] = entry if isinstance(entry, dict) else {}
    title, given = found.get("title"), str(found.get("problem_id", ""))
    return Rejected(
        position=position,
        problem_id=int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None,
        title=title[:200] if isinstance(title, str) else "",
        reason=error.reason,
        why=error.why,
        solution=solution,
    )


def _unreadable(reason: Reason, detail: object = "") -> Reading:
    return Reading((), (Rejected(0, None, "", reason, why(reason, detail)),))
