"""Bodies of the hints API."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.hints.asking import MAX_HISTORY, Complaint, Note, Source
from backend.hints.bank import Mode
from backend.hints.ladder import Tone
from backend.hints.problems import Kind, LanguageName
from backend.web.chat_schemas import Words

ProblemId = Annotated[int, Field(ge=0, le=2**31 - 1, description="As in the list of problems.")]
Code = Annotated[str, Field(max_length=1_000_000, description="Python.")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ProblemQuery(_Request):
    search: Annotated[Words, Field(max_length=200)] = ""
    level: Annotated[int, Field(ge=1, le=10)] | None = None
    tag: Annotated[Words, Field(max_length=100)] = ""
    solved: bool | None = None
    language: LanguageName | None = None


class RunRequest(_Request):
    problem_id: ProblemId
    code: Code


class HintBody(_Request):
    problem_id: ProblemId
    code: Code
    level: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, description="1 orient, 2 concept, 3 plan, 4 next step, 5 pseudo-code; left out: the next one."
    )
    tone: Tone = Tone.NOVICE
    language: LanguageName | None = Field(None, description="Left out: that of the reader.")
    history: list[Annotated[Words, Field(max_length=4_000)]] = Field(
        default_factory=list, max_length=MAX_HISTORY, description="Hints from elsewhere, oldest first."
    )
    provider: Annotated[Words, Field(max_length=64)] | None = None
    stream: bool = Field(False, description="Server-sent events.")


class HintRating(_Request):
    rating: Literal[1, -1] | None = None
    complaint: Complaint | None = None


class CaseView(_View):
    """One case of a run. Of a hidden one only the smallest failing tells its input, and what should come out."""

    number: int
    verdict: str
    is_example: bool
    ms: float
    input: str | None
    expected: str | None
    got: str | None
    line: int | None
    message: str
    call: str


class RunView(BaseModel):
    verdict: str
    passed: int
    total: int
    not_run: int
    failing: CaseView | None
    results: list[CaseView]


class HintView(BaseModel):
    id: UUID
    problem_id: int
    hint: str
    level: int
    level_asked: int
    tone: Tone
    language: LanguageName
    source: Source
    note: Note | None
    provider: str | None
    model_used: str | None
    hosted: bool = Field(description="For this hint something was sent to a hosted provider.")
    diagnosis: dict[str, Any]
    guard: dict[str, Any]
    validation: dict[str, Any]
    rating: int | None
    complaint: Complaint | None
    processing_time: float | None
    created_at: datetime


class ExampleView(_View):
    input: str
    output: str


class StepView(_View):
    step_id: int
    goal: str
    description: str
    code_pattern: str
    socratic_hint: str
    hint: str


class SolutionView(_View):
    solution_id: int
    name: str
    code: str
    steps: list[StepView]


class ProblemSummary(_View):
    problem_id: int
    title: str
    level: int
    tags: list[str]
    source: str
    checked: bool
    solved: bool


class ProblemView(BaseModel):
    problem_id: int
    title: str
    level: int
    tags: list[str]
    description: str
    input_description: str
    output_description: str
    examples: list[ExampleView]
    hidden_tests: int
    kind: Kind
    function_name: str
    language: LanguageName
    url: str
    step_title: str
    solutions: list[SolutionView] | None = Field(description="For admins only.")
    tests: list[ExampleView] | None = Field(description="For admins only.")


class RejectedView(BaseModel):
    source: str
    position: int
    problem_id: int | None
    title: str
    solution: str
    reason: str
    why: str


class SetView(_View):
    id: UUID
    name: str
    mode: Mode
    problems: int


class ImportView(BaseModel):
    set_id: UUID
    name: str
    mode: Mode
    added: list[int]
    replaced: list[int]
    rejected: list[RejectedView]
