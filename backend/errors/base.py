"""What an error is: a code, a status, two sentences in each language."""

from enum import StrEnum
from typing import Any, ClassVar, NamedTuple


class Language(StrEnum):
    """Languages the interface speaks."""

    KO = "ko"
    EN = "en"


class Text(NamedTuple):
    """One sentence in each language."""

    ko: str
    en: str

    def in_(self, language: Language) -> str:
        return self.ko if language is Language.KO else self.en


class OndolError(Exception):
    """Base of all errors that are told to people.

    Attributes:
        code: stable name for programs.
        status: HTTP status.
        what: what happened and why; `{detail}` fields come from the constructor, a `Text` among them in the reader's language.
        next_step: what to do now.
        retry_after_s: seconds after which a retry makes sense, or None.
        members: more members of the problem object, for programs.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    what: ClassVar[Text] = Text("서버 안에서 예상하지 못한 오류가 났습니다.", "The server hit an unexpected error.")
    next_step: ClassVar[Text] = Text(
        "다시 시도해 보고, 계속되면 요청 번호와 함께 운영자에게 알려 주세요.",
        "Try again; if it keeps happening, tell the operator the request id.",
    )
    retry_after_s: int | None = None

    def __init__(self, *, retry_after_s: int | None = None, **details: object) -> None:
        self.details = details
        self.members: dict[str, str] = {}
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s
        super().__init__(self.message(Language.EN))

    def message(self, language: Language) -> str:
        """Both sentences, filled in."""
        return " ".join(self._filled(text, language) for text in (self.what, self.next_step)).strip()

    def problem(self, language: Language, instance: str = "") -> dict[str, Any]:
        """The error as an RFC 9457 problem object."""
        body: dict[str, Any] = {
            "type": f"urn:ondol:error:{self.code}",
            "title": self._filled(self.what, language),
            "status": self.status,
            "detail": self.message(language),
            "code": self.code,
            **self.members,
        }
        if instance:
            body["instance"] = instance
        return body

    def _filled(self, text: Text, language: Language) -> str:
        details = {name: v.in_(language) if isinstance(v, Text) else v for name, v in self.details.items()}
        return text.in_(language).format_map({"retry_after_s": self.retry_after_s, **details})
