"""What is in the problem bank at one time: layers upon each other, and what is known of their references."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.hints.problem_files import MAX_FILE_BYTES, Reading, read_problems
from backend.hints.problems import Problem, Solution
from backend.hints.reference_checks import Check, content_hash
from backend.hints.rejections import Reason, Rejected, why
from backend.hints.sandbox import Verdict


@dataclass(frozen=True)
class Layer:
    """The problems of the file or of one imported set."""

    source: str
    reading: Reading


@dataclass(frozen=True)
class _Read:
    problem: Problem
    position: int
    source: str
    hashes: tuple[bytes, ...]  # of its solutions


def read_file(path: Path) -> Reading:
    """A file of problems; one that is not there or cannot be read is an entry of `rejected`."""
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "No such file")
        with path.open("rb") as file:
            return read_problems(file.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        told = why(Reason.FILE_MISSING, error.strerror or type(error).__name__)
        return Reading((), (Rejected(0, None, "", Reason.FILE_MISSING, told),))


class Contents:
    """The problems of all layers, of those with the same id the topmost."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._read: dict[int, _Read] = {}
        self._unusable: list[Rejected] = []
        for layer in layers:
            self._unusable += [replace(each, source=layer.source) for each in layer.reading.rejected]
            for problem, position in zip(layer.reading.problems, layer.reading.positions, strict=True):
                hashes = tuple(content_hash(problem, solution) for solution in problem.solutions)
                self._read[problem.problem_id] = _Read(problem, position, layer.source, hashes)
        self._words = {number: _searchable(read.problem) for number, read in self._read.items()}
        self._known: dict[bytes, Check] = {}
        self._sorted_out: tuple[Mapping[int, Problem], Sequence[Rejected]] | None = None

    @property
    def problems(self) -> Mapping[int, Problem]:
        """By id: those with a solution that is not known to fail, and these solutions only."""
        return self._sound_and_rejected()[0]

    @property
    def rejected(self) -> Sequence[Rejected]:
        """Everything that is left out, by source and place."""
        return self._sound_and_rejected()[1]

    @property
    def read(self) -> Sequence[Problem]:
        """Every problem that could be read, whatever its solutions do."""
        return [read.problem for read in self._read.values()]

    def learn(self, checks: Mapping[bytes, Check]) -> None:
        """Takes in verdicts on solutions."""
        self._known |= checks
        self._sorted_out = None

    def hashes(self) -> Collection[bytes]:
        """Names of all solutions."""
        return {name for read in self._read.values() for name in read.hashes}

    def unchecked(self) -> Iterator[tuple[Problem, Solution, bytes]]:
        """Solutions without a verdict, each with its problem and its name; it may be learnt from meanwhile."""
        for read in self._read.values():
            for solution, name in zip(read.problem.solutions, read.hashes, strict=True):
                if name not in self._known:
                    yield read.problem, solution, name

    def is_checked(self, problem: Problem) -> bool:
        """Whether a verdict on every solution is known."""
        return all(name in self._known for name in self._read[problem.problem_id].hashes)

    def has_read(self, problem_id: int) -> bool:
        """Whether a problem of this id could be read."""
        return problem_id in self._read

    def source(self, problem_id: int) -> str:
        """The file or set a problem came from."""
        return self._read[problem_id].source

    def find(self, search: str, level: int | None, tag: str) -> Sequence[Problem]:
        """Problems that have all words, the level and the tag, by level and id."""
        words = _folded(search).split()
        wanted = _folded(tag)
        found = [
            problem
            for number, problem in self.problems.items()
            if (level is None or problem.level == level)
            and all(word in self._words[number] for word in words)
            and (not wanted or wanted in {_folded(each) for each in _tags(problem)})
        ]
        return sorted(found, key=lambda problem: (problem.level, problem.problem_id))

    def _sound_and_rejected(self) -> tuple[Mapping[int, Problem], Sequence[Rejected]]:
        if self._sorted_out is None:
            self._sorted_out = self._sort_out()
        return self._sorted_out

    def _sort_out(self) -> tuple[Mapping[int, Problem], Sequence[Rejected]]:
        problems: dict[int, Problem] = {}
        rejected = list(self._unusable)
        for number, read in self._read.items():
            sound = []
            for solution, name in zip(read.problem.solutions, read.hashes, strict=True):
                check = self._known.get(name)
                if check is None or check.verdict is Verdict.PASSED:
                    sound.append(solution)
                else:
                    rejected.append(_fails(read, solution, check))
            if sound:
                problems[number] = read.problem.with_solutions(sound)
            else:
                rejected.append(_rejection(read, Reason.NO_SOUND_SOLUTION))
        return problems, sorted(rejected, key=lambda each: (each.source, each.position))


def _fails(read: _Read, solution: Solution, check: Check) -> Rejected:
    detail = check.detail or str(check.verdict)
    return replace(
        _rejection(read, Reason.REFERENCE_FAILS, detail), solution=solution.name or str(solution.solution_id)
    )


def _rejection(read: _Read, reason: Reason, detail: str = "") -> Rejected:
    problem = read.problem
    told = why(reason, detail)
    return Rejected(read.position, problem.problem_id, problem.title, reason, told, source=read.source)


def _tags(problem: Problem) -> list[str]:
    return [*problem.tags, *(tag for one in problem.translations for tag in one.tags)]


def _searchable(problem: Problem) -> str:
    texts = [problem.title, problem.description, problem.input_description, problem.output_description]
    for one in problem.translations:
        texts += [one.title, one.description, one.input_description, one.output_description]
    return _folded("\n".join([str(problem.problem_id), *texts, problem.step_title, *_tags(problem)]))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
