"""Why single reviews have no label, in words for people."""

from backend.errors import Text
from backend.sentiment.labels import ItemError
from backend.sentiment.reading.shape import MAX_RECORD_CHARACTERS

EMPTY = ItemError(
    "empty_review", Text("내용이 비어 있어 분석하지 않았습니다.", "There is no text, so it was not analysed.")
)
TOO_LONG = ItemError(
    "review_too_long",
    Text(
        f"리뷰가 너무 길어 분석하지 않았습니다(최대 {MAX_RECORD_CHARACTERS // 10_000}만 자). 나누어 보내 주세요.",
        f"It is too long and was not analysed (at most {MAX_RECORD_CHARACTERS:,} characters). Send it in parts.",
    ),
)
NO_LABEL = ItemError(
    "no_label",
    Text(
        "모델이 정해진 답(긍정·부정·중립) 가운데 하나를 내지 않았습니다. 다시 실행하거나 직접 분류해 주세요.",
        "The model answered with none of the labels. Run it again, or label it by hand.",
    ),
)
REFUSED = ItemError(
    "review_refused",
    Text(
        "모델 서버가 이 리뷰를 받지 않았습니다. 글이 너무 길거나 읽을 수 없는 문자가 있을 수 있습니다.",
        "The model server would not take this review. It may be too long, or hold characters it cannot read.",
    ),
)
FAILED = ItemError(
    "review_failed",
    Text(
        "여러 번 시도했지만 모델 서버가 이 리뷰에서 오류를 냈습니다. 나중에 다시 실행해 주세요.",
        "The model server failed at this review several times. Run it again later.",
    ),
)
DEADLINE = ItemError(
    "deadline_passed",
    Text(
        "정해진 시간 안에 차례가 오지 않았습니다. 작업으로 올리면 시간 제한 없이 처리합니다.",
        "Its turn did not come within the time allowed. Submit it as a job, which has no such limit.",
    ),
)
