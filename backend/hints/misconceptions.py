"""What a learner most likely has not understood yet, as a kind from a closed list."""

from dataclasses import dataclass
from enum import StrEnum


class MisconceptionKind(StrEnum):
    """What is wrong, named by the idea and not by the line that would mend it."""

    NOTHING_YET = "nothing_yet"  # reads its input at most
    SYNTAX = "syntax"
    RUNTIME_ERROR = "runtime_error"
    NOT_ALLOWED = "not_allowed"
    INFINITE_LOOP = "infinite_loop"
    NOT_ALL_INPUT = "not_all_input"
    MISSING_CONVERSION = "missing_conversion"  # text where a number is needed
    WRONG_INITIAL_VALUE = "wrong_initial_value"
    WRONG_COMPARISON = "wrong_comparison"
    OFF_BY_ONE = "off_by_one"
    WRONG_FORMULA = "wrong_formula"
    WRONG_ACCUMULATOR = "wrong_accumulator"  # replaces where it should add
    WRONG_VARIABLE = "wrong_variable"
    WRONG_ORDER = "wrong_order"
    MISSING_CASE = "missing_case"
    MISSING_RESET = "missing_reset"
    MISSING_RETURN = "missing_return"
    EARLY_EXIT = "early_exit"
    REPEATED_OUTPUT = "repeated_output"
    OUTPUT_FORMAT = "output_format"
    SHARED_LIST = "shared_list"  # several names for one list
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Misconception:
    """A finding.

    Attributes:
        line: of the learner's program, 1-based; where something is missing, the line that runs without it.
        evidence: what of the learner's own program or its run shows it. Never anything of a reference.
        weight: 0 to 1, how much speaks for it.
    """

    kind: MisconceptionKind
    line: int | None = None
    evidence: str = ""
    weight: float = 1.0
