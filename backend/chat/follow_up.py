"""Follow-up questions: "and if it was opened?" finds nothing, so it is put in full before the search.

Asking the model costs seconds on a processor. Whether it is needed at all is therefore decided by the look of the
question: with words that point back, or so short that something must be missing.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing

import structlog

from backend.chat.citations import without_marks
from backend.errors import OndolError
from backend.llm.call import Call, Request, unchanging
from backend.llm.engine import ChatMessage, ContextOverflow, Finished

log = structlog.get_logger()

_DEADLINE_S = 20.0
_MAX_TOKENS = 64
_KEPT_CHARS = 240  # of an earlier message: enough to know what it was about
_LONGEST = 200  # characters of a question that was put in full
_SHORT_KO = 3  # words up to which a Korean question leaves something out
_SHORT_EN = 4

_POINTS_BACK_KO = re.compile(
    r"(?:^|\s)(?:(?:그|이)(?:것|거|게|건|걸|때|경우|런|럼|렇게|러면|렇다면|중|사람|기간|조항|법|문서|내용|부분|날)?|저(?:것|거|게|건|걸|런))"
    r"(?:은|는|이|가|을|를|도|에|의|로|와|과|만|라면|면)?(?=[\s,.?!]|$)"
    r"|(?:^|\s)(?:거기|여기|해당|방금|아까|위의?|앞의?|또|다른)(?=[\s,.?!]|[은는이가을를도에의]|$)"
)
_POINTS_BACK_EN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|she|his|her|this|that|these|those|there|then|former|latter|same)\b"
    r"|^(?:and|but|or|so|also|what about|how about|what if|why|why not|when|how|who|where|which)\b[^ ]*\s*\??$"
    r"|^(?:and|but|so|then|what about|how about|otherwise)\b",
    re.IGNORECASE,
)
_ELLIPTIC_KO = re.compile(r"(?:으면|면|은|는|도|이라면|라면|땐|때는|경우는|경우엔|경우에는)(?:요|은요|는요)?\s*\??$")
_HANGUL = re.compile(r"[가-힣]")
_WORD = re.compile(r"[가-힣]{2,}|[A-Za-z]{3,}|\d+")

_PROMPT = (
    "You rewrite the last question of a conversation so that it can be understood alone, for a search. Put in what it "
    "leaves out, taken from the conversation. Keep the language of the question. Do not answer it. "
    "Write only the question, on one line."
)
# Shown, because small models would answer the question otherwise.
_EXAMPLES: tuple[ChatMessage, ...] = (
    ChatMessage(
        role="user",
        content="Question: 연차 휴가는 며칠인가요?\nAnswer: 1년을 일하면 15일입니다.\nLast question: 신입은요?",
    ),
    ChatMessage(role="assistant", content="신입 사원의 연차 휴가는 며칠인가요?"),
    ChatMessage(
        role="user",
        content="Question: How long is the pump's warranty?\nAnswer: Two years.\nLast question: What does it cover?",
    ),
    ChatMessage(role="assistant", content="What does the warranty of the pump cover?"),
)


def needs_rewriting(question: str) -> bool:
    """Whether a question that follows others probably cannot be understood without them."""
    text = " ".join(question.split())
    words = text.split()
    if _HANGUL.search(text):
        if len(words) <= _SHORT_KO or _POINTS_BACK_KO.search(text):
            return True
        return len(words) <= _SHORT_KO + 2 and _ELLIPTIC_KO.search(text) is not None
    return len(words) <= _SHORT_EN or _POINTS_BACK_EN.search(text) is not None


async def standalone(call: Call, history: Sequence[ChatMessage], question: str, deadline_s: float = _DEADLINE_S) -> str:
    """The question as it would be asked without the conversation; the question itself when that does not work out.

    Args:
        call: to whoever writes it.
        history: what was said before, oldest first; only the last question and its answer are looked at.
        deadline_s: seconds after which the question is taken as it is.
    """
    if not any(message["role"] == "user" for message in history) or not needs_rewriting(question):
        return question
    written = ""
    request = Request(_messages(history, question), temperature=0.0, max_tokens=_MAX_TOKENS)
    try:
        async with asyncio.timeout(deadline_s), aclosing(call.stream(unchanging(request))) as events:
            async for event in events:
                if not isinstance(event, Finished):
                    written += event
    except (OndolError, ContextOverflow, TimeoutError) as error:
        log.info("question_not_rewritten", reason=type(error).__name__)
        return question
    return _usable(written, history, question) or question


def _messages(history: Sequence[ChatMessage], question: str) -> list[ChatMessage]:
    last = max(place for place, message in enumerate(history) if message["role"] == "user")
    asked = _shortened(history[last]["content"])
    answers = [_shortened(without_marks(m["content"])) for m in history[last + 1 :] if m["role"] == "assistant"]
    answer = answers[0] if answers else "-"
    told = f"Question: {asked}\nAnswer: {answer}\nLast question: {_shortened(question)}"
    return [
        ChatMessage(role="system", content=_PROMPT),
        *_EXAMPLES,
        ChatMessage(role="user", content=told),
    ]


def _shortened(text: str) -> str:
    return " ".join(text.split())[:_KEPT_CHARS]


def _usable(written: str, history: Sequence[ChatMessage], question: str) -> str:
    """The rewritten question, or nothing when it is none: too long, in another language, or of something else."""
    lines = [line.strip() for line in written.strip().splitlines() if line.strip()]
    text = re.sub(r"^(?:last )?(?:question|질문)\s*[:：]\s*", "", lines[0], flags=re.IGNORECASE) if lines else ""
    text = text.strip(" \"'“”`")
    if not text or len(text) > max(_LONGEST, 2 * len(question)):
        return ""
    if bool(_HANGUL.search(text)) != bool(_HANGUL.search(question)):
        return ""
    said = " ".join([*(message["content"] for message in history[-4:]), question]).lower()
    known = [word for word in _WORD.findall(text.lower()) if word[:2] in said]
    return text if known else ""
