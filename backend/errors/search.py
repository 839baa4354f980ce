"""Retrieval and its encoder."""

from backend.errors.base import OndolError, Text


class EncoderUnavailable(OndolError):
    code, status = "encoder_unavailable", 503
    what = Text(
        "임베딩 서버를 쓸 수 없습니다: {reason}.",
        "The embedding server cannot be used: {reason}.",
    )
    next_step = Text(
        "낱말로 하는 검색은 계속됩니다. REMOTE_EMBED_URL과 ./quick_start.sh --logs embedding 을 확인해 주세요.",
        "Search by words goes on; check REMOTE_EMBED_URL and ./quick_start.sh --logs embedding.",
    )
    retry_after_s = 5
