"""Why something of a problem file is left out, in words for the person who wrote it."""

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Text


class Reason(StrEnum):
    """Why something of a file is left out."""

    FILE_MISSING = "file_missing"
    FILE_TOO_LARGE = "file_too_large"
    MALFORMED_JSON = "malformed_json"
    NOT_A_LIST = "not_a_list"
    TOO_MANY = "too_many"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    WRONG_VALUE = "wrong_value"
    DUPLICATE_ID = "duplicate_id"
    NO_EXAMPLE = "no_example"
    NO_SOLUTION = "no_solution"
    REFERENCE_FAILS = "reference_fails"
    NO_SOUND_SOLUTION = "no_sound_solution"


_WHY = {
    Reason.FILE_MISSING: Text("파일을 읽을 수 없습니다({detail}).", "The file cannot be read ({detail})."),
    Reason.FILE_TOO_LARGE: Text(
        "파일이 너무 큽니다(최대 {detail}바이트).", "The file is too large (at most {detail} bytes)."
    ),
    Reason.MALFORMED_JSON: Text("올바른 JSON이 아닙니다({detail}).", "This is not valid JSON ({detail})."),
    Reason.NOT_A_LIST: Text("맨 바깥이 목록이 아닙니다.", "The outermost value is not a list."),
    Reason.TOO_MANY: Text("문제가 너무 많습니다(최대 {detail}개).", "There are too many problems (at most {detail})."),
    Reason.NOT_AN_OBJECT: Text("객체가 아닙니다.", "It is not an object."),
    Reason.MISSING_FIELD: Text("{detail} 항목이 없습니다.", "The field {detail} is missing."),
    Reason.WRONG_TYPE: Text("{detail} 항목의 종류가 다릅니다.", "The field {detail} has the wrong type."),
    Reason.WRONG_VALUE: Text("{detail} 항목에 쓸 수 없는 값이 있습니다.", "The field {detail} has an unusable value."),
    Reason.DUPLICATE_ID: Text(
        "problem_id {detail}이(가) 앞에 이미 있습니다.", "The problem_id {detail} has been used before it."
    ),
    Reason.NO_EXAMPLE: Text("예제가 하나도 없습니다.", "It has no example."),
    Reason.NO_SOLUTION: Text("쓸 수 있는 풀이가 하나도 없습니다.", "It has no usable solution."),
    Reason.REFERENCE_FAILS: Text(
        "풀이가 자기 예제를 통과하지 못합니다({detail}).", "The solution fails a case of its own problem ({detail})."
    ),
    Reason.NO_SOUND_SOLUTION: Text(
        "예제를 통과하는 풀이가 하나도 없습니다.", "None of its solutions passes the problem's own cases."
    ),
}


@dataclass(frozen=True)
class Rejected:
    """Something that was left out.

    Attributes:
        position: 1-based place in the list; 0: the file as a whole.
        solution: set where only this solution is left out, and the problem stays.
        source: file or imported set it came from.
    """

    position: int
    problem_id: int | None
    title: str
    reason: Reason
    why: Text
    solution: str = ""
    source: str = ""


def why(reason: Reason, detail: object = "") -> Text:
    """The sentence of a reason in each language."""
    return Text(*(sentence.format(detail=detail) for sentence in _WHY[reason]))
