"""How much of a reference solution a hint tells: shares of what the learner's program does not have yet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from backend.hints.corrections import tells
from backend.hints.material import Change, Material, Reference, ReferenceLine
from backend.hints.pseudo_code import Unit, assigned, described, describes, is_half_shown, is_precise
from backend.hints.shown import Shown
from backend.hints.source import Tokens, is_word, joined

_MIN_GRAMS = 3
_MIN_TOKENS = 4  # of a line that words of a sentence are not by chance
_MIN_PART = 5  # of a line that may stand within another one by chance no longer
_MAX_ROWS = 400
_MORE = 0.2  # of a line, by which the reference is told better than the learner's program
_SAME_LINE = 0.8  # share of tokens of two lines that say the same
_WHOLE = 0.75  # share of all lines from which on a program is told as a whole


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares, 0 to 1, of the reference of which most is told.

    Attributes:
        lines: of the lines that the learner lacks, shown as code; or of all, where they are shown as a whole program.
        grams: of the 4-grams that he lacks; 0 where these are fewer than three.
        steps: of the lines that he lacks, shown or told in words one by one; or of all, where all are told.
        tells_fix: everything that his program lacks is told, as code or as a change in words.
    """

    lines: float = 0.0
    grams: float = 0.0
    steps: float = 0.0
    tells_fix: bool = False


def shares(hint: Shown, material: Material) -> Shares:
    """The largest shares over all references; nothing of a reference that the learner has as a whole."""
    each = [_of_reference(hint, reference, material) for reference in material.references]
    return Shares(
        max((one.lines for one in each), default=0.0),
        max((one.grams for one in each), default=0.0),
        max((one.steps for one in each), default=0.0),
        any(one.tells_fix for one in each),
    )


def tells_something(hint: Shown, material: Material) -> bool:
    """Whether there is code in a hint, the learner's own as well, or in words a step or a correction that he lacks."""
    if hint.fragments or hint.quoted:
        return True
    return any(_tells_of(hint, reference) for reference in material.references)


def _tells_of(hint: Shown, reference: Reference) -> bool:
    if any(tells(hint.sentences, line.change) for line in reference.new_lines):
        return True
    steps = [line.step for line in reference.new_lines]
    return any(any(described(steps, parts, reference.alike)) for parts in {hint.units, hint.clauses})


def _of_reference(hint: Shown, reference: Reference, material: Material) -> Shares:
    fresh = [place for place, line in enumerate(reference.lines) if line.new]
    if not fresh:
        return Shares()
    seen = _seen(hint, reference)
    grams = sum(gram in hint.text_blind or gram in hint.code_blind for gram in reference.grams)
    steps = 0.0
    for parts in {hint.units, hint.clauses}:
        steps = max(
            steps,
            _step_share(parts, reference, fresh, seen),
            _retold_share(parts, reference, material, frozenset(hint.quoted)),
        )
    return Shares(
        lines=max(_share(reference, fresh, seen), _whole_share(hint.rows, reference, material)),
        grams=grams / len(reference.grams) if len(reference.grams) >= _MIN_GRAMS else 0.0,
        steps=steps,
        tells_fix=all(seen[place] or tells(hint.sentences, reference.lines[place].change) for place in fresh),
    )


def _share(reference: Reference, among: Sequence[int], those: Sequence[bool]) -> float:
    whole = sum(reference.lines[place].weight for place in among)
    return sum(reference.lines[place].weight for place in among if those[place]) / whole if whole else 0.0


def _seen(hint: Shown, reference: Reference) -> list[bool]:
    """Which of the new lines are shown as code.

    Names do not matter, but for a line that every program has (`x = 0`): with other names it counts only beside other
    lines of the reference.
    """
    counted = Counter[str]()
    seen, alike = [], []
    for line in reference.lines:
        counted[line.blind] += line.new
        named = line.new and _is_named(hint, line)
        seen.append(named or (line.new and not line.renamed and _shows_change(hint.fragments, line.change)))
        alike.append(line.new and not line.renamed and _times(hint, line) >= counted[line.blind])
    common = [is_alike and line.weight < 1 for is_alike, line in zip(alike, reference.lines, strict=True)]
    rare = [is_alike and line.weight >= 1 for is_alike, line in zip(alike, reference.lines, strict=True)]
    counts_common = any(rare) or any(seen) or sum(common) > 1
    return [one or two or (three and counts_common) for one, two, three in zip(seen, rare, common, strict=True)]


def _is_named(hint: Shown, line: ReferenceLine) -> bool:
    """Whether the line is shown with its own names, or the learner's."""
    rows = (joined(line.row), joined(line.here))
    return any(row in hint.code or (_says_much(line) and row in hint.text) for row in rows)


def _times(hint: Shown, line: ReferenceLine) -> int:
    if len(line.shape) < _MIN_PART:
        return hint.rows.count(line.shape) - hint.quoted_rows.count(line.shape)
    return max(hint.code_blind.count(line.blind), hint.text_blind.count(line.blind) if _says_much(line) else 0)


def _says_much(line: ReferenceLine) -> bool:
    return len(line.shape) >= _MIN_TOKENS and any(not is_word(token) for token in line.row)


def _shows_change(fragments: Sequence[Tokens], change: Change | None) -> bool:
    """Whether a part of the line is shown that has all of what is to change, and something beside it."""
    if change is None or not change.after:
        return False
    begin, end = change.span
    wanted, line = joined(change.after), joined(change.line)
    beside = joined(change.line[max(0, begin - 1) : end + 1])
    for row in fragments:
        run = joined(row)
        if (
            len(row) > len(change.after)
            and wanted in run
            and (run in line or (beside in run and _same(row, change.line)))
        ):
            return True
    return False


def _same(row: Tokens, line: Tokens) -> bool:
    return SequenceMatcher(None, row, line, autojunk=False).ratio() >= _SAME_LINE


def _whole_share(rows: Sequence[Tokens], reference: Reference, material: Material) -> float:
    """Share of all lines in their order, where they are the reference and not the learner's program once more.

    It finds what shows whole programs of which every single line stands somewhere in the learner's as well.
    """
    common = _in_common(rows, reference.rows)
    share = common / len(reference.rows)
    if common < 2 or share < _WHOLE or common <= _in_common(rows, material.own_rows):
        return 0.0
    return share


def _in_common(rows: Sequence[Tokens], others: Sequence[Tokens]) -> int:
    """Length of the longest common subsequence."""
    both = set(rows) & set(others)
    others = [row for row in others if row in both]
    best = [0] * (len(others) + 1)
    for row in [row for row in rows if row in both][:_MAX_ROWS]:
        before = 0
        for place, other in enumerate(others, 1):
            here = best[place]
            best[place] = before + 1 if row == other else max(here, best[place - 1])
            before = here
    return best[-1]


def _step_share(parts: Sequence[Unit], reference: Reference, fresh: Sequence[int], seen: Sequence[bool]) -> float:
    """Share of the new lines that are shown or told in words; 0 where that could be chance."""
    scores = described([reference.lines[place].step for place in fresh], parts, reference.alike)
    told = dict(zip(fresh, scores, strict=True))
    both = [told.get(place, 0.0) > 0 or seen[place] for place in range(len(seen))]
    count = sum(both)
    if len(fresh) == 1 and count:
        line = reference.lines[fresh[0]]
        told_as_code = line.weight >= 1 and any(is_half_shown(unit, line.step, line.row) for unit in parts)
        if not told_as_code and not any(is_precise(unit, line.step, reference.alike) for unit in parts):
            return 0.0
    elif count < 2:
        return 0.0
    return _share(reference, fresh, both)


def _retold_share(parts: Sequence[Unit], reference: Reference, material: Material, quoted: frozenset[Tokens]) -> float:
    """Share of all lines told in words, where they are the reference and not the learner's program once more."""
    told = assigned([line.step for line in reference.lines], parts, reference.alike)
    both = [
        score > 0 or (not line.new and line.here in quoted)
        for (score, _), line in zip(told, reference.lines, strict=True)
    ]
    share = _share(reference, range(len(both)), both)
    if sum(both) < 2 or share < _WHOLE:
        return 0.0
    if any(_is_corrected(unit, line, reference) for (_, unit), line in zip(told, reference.lines, strict=True)):
        return share
    better = sum(score for score, _ in told) >= sum(described(material.own_steps, parts, {})) + _MORE
    return share if better else 0.0


def _is_corrected(unit: Unit | None, line: ReferenceLine, reference: Reference) -> bool:
    """Whether the sentence that tells a line tells it better than the learner's line in its place."""
    if unit is None or line.change is None or not line.new:
        return False
    return describes(unit, line.step, reference.alike) > describes(unit, line.change.mine, {})
