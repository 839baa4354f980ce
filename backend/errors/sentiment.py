"""Sentiment of reviews."""

from backend.errors.base import OndolError, Text


class ReviewFileEmpty(OndolError):
    code, status = "review_file_empty", 422
    what = Text("파일에 리뷰가 없습니다.", "There is no review in the file.")
    next_step = Text("머리글 아래에 리뷰가 있는 파일을 올려 주세요.", "Upload one that has reviews below its header.")


class ReviewFileTooLarge(OndolError):
    code, status = "review_file_too_large", 413
    what = Text("파일이 너무 큽니다(최대 {limit:,} MB).", "The file is too large (at most {limit:,} MB).")
    next_step = Text(
        "나누어 올리거나, 운영자에게 SENTIMENT_MAX_FILE_MB를 늘려 달라고 하세요.",
        "Upload it in parts, or ask the operator to raise SENTIMENT_MAX_FILE_MB.",
    )


class ReviewFileUnknown(OndolError):
    code, status = "review_file_unknown", 415
    what = Text("리뷰 표로 읽을 수 없는 파일입니다.", "The file cannot be read as a table of reviews.")
    next_step = Text(
        "CSV, TSV, XLSX, JSON, JSONL이나 한 줄에 리뷰 하나씩 있는 글 파일을 올려 주세요. CSV는 UTF-8이나 cp949로 저장하세요.",
        "Upload CSV, TSV, XLSX, JSON, JSONL, or text with a review a line. Save CSV as UTF-8 or cp949.",
    )


class ReviewFileDamaged(OndolError):
    code, status = "review_file_damaged", 422
    what = Text("파일이 손상되어 열리지 않습니다.", "The file is damaged and cannot be opened.")
    next_step = Text(
        "스프레드시트에서 열어 XLSX나 CSV로 다시 저장해 올려 주세요.",
        "Open it in a spreadsheet, save it as XLSX or CSV, and upload that.",
    )


class ReviewFileEncrypted(OndolError):
    code, status = "review_file_encrypted", 422
    what = Text("암호가 걸린 파일입니다.", "The file is protected by a password.")
    next_step = Text("암호를 없앤 파일을 올려 주세요.", "Upload it without the password.")


class ReviewFileTooHard(OndolError):
    code, status = "review_file_too_hard", 422
    what = Text(
        "정해진 시간이나 메모리 안에 읽을 수 없는 스프레드시트입니다.",
        "The spreadsheet cannot be read within the limits of time and memory.",
    )
    next_step = Text("CSV로 저장하거나 나누어 올려 주세요.", "Save it as CSV or in parts, and upload that.")


class ReviewColumnsTooMany(OndolError):
    code, status = "review_columns_too_many", 422
    what = Text("열이 너무 많습니다(최대 1,000개).", "There are too many columns (at most 1,000).")
    next_step = Text("리뷰가 있는 열과 필요한 열만 남겨 올려 주세요.", "Keep the column of reviews and those you need.")


class ReviewTextColumnMissing(OndolError):
    code, status = "review_text_column_missing", 422
    what = Text(
        "어느 열이 리뷰인지 알 수 없습니다(열: {columns}).", "It is not clear which column is the review ({columns})."
    )
    next_step = Text("리뷰 내용이 있는 열을 골라 주세요.", "Choose the column with the reviews (`mapping.text`).")


class ReviewColumnUnknown(OndolError):
    code, status = "review_column_unknown", 422
    what = Text("파일에 {column} 열이 없습니다(열: {columns}).", "The file has no column {column} ({columns}).")
    next_step = Text("있는 열 가운데에서 골라 주세요.", "Choose among those it has.")


class TooManyReviews(OndolError):
    code, status = "too_many_reviews", 413
    what = Text("리뷰가 너무 많습니다(최대 {limit:,}개).", "There are too many reviews (at most {limit:,}).")
    next_step = Text(
        "한 번에 1,000개까지는 바로 분석하고, 더 많으면 작업(POST /api/v1/sentiment/jobs)으로 나누어 올려 주세요.",
        "Up to 1,000 are analysed at once; bring more as a job (POST /api/v1/sentiment/jobs), in parts if need be.",
    )


class UnknownSentimentJob(OndolError):
    code, status = "unknown_sentiment_job", 404
    what = Text("그 분석 작업을 찾을 수 없습니다.", "That job was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownReview(OndolError):
    code, status = "unknown_review", 404
    what = Text(
        "그 리뷰를 찾을 수 없거나 아직 분석되지 않았습니다.", "That review was not found or is not analysed yet."
    )
    next_step = Text("결과 목록에서 골라 주세요.", "Pick one from the results.")


class SentimentJobNotReady(OndolError):
    code, status = "sentiment_job_state", 409
    what = Text("이 작업은 지금 그렇게 할 수 없습니다({state}).", "That cannot be done with this job now ({state}).")
    next_step = Text(
        "멈춤과 취소는 진행 중에, 다시 시작은 멈춘 뒤에, 실패한 리뷰 다시 분석은 끝난 뒤에 할 수 있습니다.",
        "Pause and cancel while it runs, resume after a pause, retry failed reviews after it ended.",
    )
