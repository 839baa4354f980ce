"""Everything that can go wrong for a person or a program that uses Ondol, in their words.

An error has a stable `code` for programs, an HTTP status, and two sentences per language: what happened and
why, and what to do next. Raise the class with the details its sentences name; the web layer turns it into
an RFC 9457 problem, the page into a notice. Messages never contain secrets or tracebacks.
"""

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


# --- requests -----------------------------------------------------------------------------------------------


class InvalidRequest(OndolError):
    code, status = "invalid_request", 422
    what = Text("요청의 형식이 맞지 않습니다: {reason}.", "The request is not valid: {reason}.")
    next_step = Text(
        "고쳐서 다시 보내 주세요. 형식은 /docs에 있습니다.", "Correct it and send it again; /docs describes the format."
    )


class RequestTooLarge(OndolError):
    code, status = "request_too_large", 413
    what = Text(
        "요청이 너무 큽니다(최대 {limit_bytes:,}바이트).", "The request is too large (at most {limit_bytes:,} bytes)."
    )
    next_step = Text("나누어 보내 주세요.", "Send it in parts.")


class TooManyRequests(OndolError):
    code, status = "too_many_requests", 429
    what = Text("짧은 시간에 요청이 너무 많았습니다.", "Too many requests in a short time.")
    next_step = Text("{retry_after_s}초 뒤에 다시 시도해 주세요.", "Try again in {retry_after_s} seconds.")


class TooManyStreams(OndolError):
    code, status = "too_many_streams", 429
    what = Text(
        "동시에 받을 수 있는 답변은 {limit}개까지입니다.", "At most {limit} answers can be written for you at once."
    )
    next_step = Text("쓰고 있는 답변이 끝나거나 멈춘 뒤에 보내 주세요.", "Wait for one to finish, or stop one.")
    retry_after_s = 5


class CrossSiteRequest(OndolError):
    code, status = "cross_site_request", 403
    what = Text("다른 사이트에서 온 요청이라 거절했습니다.", "The request came from another site and was refused.")
    next_step = Text("Ondol 페이지를 직접 열어 주세요.", "Open Ondol's own page.")


class NotFound(OndolError):
    code, status = "not_found", 404
    what = Text("그런 주소는 없습니다.", "There is nothing at this address.")
    next_step = Text("주소를 확인해 주세요. API는 /docs에 있습니다.", "Check the address; /docs lists the API.")


class MethodNotAllowed(OndolError):
    code, status = "method_not_allowed", 405
    what = Text("이 주소는 {method} 요청을 받지 않습니다.", "This address does not take {method} requests.")
    next_step = Text("받는 방식은 /docs에 있습니다.", "/docs lists what it takes.")


class HttpError(OndolError):
    code, status = "http_error", 400
    what = Text("요청을 처리하지 못했습니다: {reason}.", "The request could not be served: {reason}.")
    next_step = Text("요청을 확인하고 다시 시도해 주세요.", "Check the request and try again.")


# --- who -----------------------------------------------------------------------------------------------------


class NotSignedIn(OndolError):
    code, status = "not_signed_in", 401
    what = Text("로그인이 필요합니다.", "You are not signed in.")
    next_step = Text(
        "/login 에서 로그인하거나 API 토큰을 보내 주세요.", "Sign in at /login, or send an API token as Bearer."
    )


class WrongPassword(OndolError):
    code, status = "wrong_password", 401
    what = Text("이름이나 비밀번호가 맞지 않습니다.", "The name or the password is not right.")
    next_step = Text(
        "다시 입력해 주세요. 잊었다면 관리자가 새로 정해 줄 수 있습니다.",
        "Try again; an admin can reset a forgotten password.",
    )


class TooManyLogins(OndolError):
    code, status = "too_many_logins", 429
    what = Text("로그인 시도가 너무 많았습니다.", "There were too many attempts to sign in.")
    next_step = Text("{retry_after_s}초 뒤에 다시 시도해 주세요.", "Try again in {retry_after_s} seconds.")


class AccountDisabled(OndolError):
    code, status = "account_disabled", 403
    what = Text("이 계정은 사용이 중지되었습니다.", "This account is disabled.")
    next_step = Text("다시 쓰려면 관리자에게 요청해 주세요.", "Ask an admin to enable it.")


class PasswordChangeRequired(OndolError):
    code, status = "password_change_required", 403
    what = Text("먼저 비밀번호를 바꾸어야 합니다.", "You have to change your password first.")
    next_step = Text("/password 에서 새 비밀번호를 정해 주세요.", "Choose a new one at /password.")


class NotAllowed(OndolError):
    code, status = "not_allowed", 403
    what = Text("이 작업을 할 권한이 없습니다.", "You may not do this.")
    next_step = Text("필요하면 관리자에게 요청해 주세요.", "Ask an admin if you need it.")


class ScopeMissing(OndolError):
    code, status = "scope_missing", 403
    what = Text("이 토큰에는 `{scope}` 권한이 없습니다.", "This token lacks the scope `{scope}`.")
    next_step = Text(
        "계정 화면에서 그 권한이 있는 토큰을 만들어 주세요.", "Create a token with it on the account page."
    )


class UnknownUser(OndolError):
    code, status = "unknown_user", 404
    what = Text("`{username}`이라는 사용자가 없습니다.", "There is no user called `{username}`.")
    next_step = Text("이름을 확인해 주세요.", "Check the name.")


class UsernameTaken(OndolError):
    code, status = "username_taken", 409
    what = Text("`{username}`은 이미 있는 이름입니다.", "The name `{username}` is taken.")
    next_step = Text("다른 이름을 골라 주세요.", "Choose another one.")


class InvalidUsername(OndolError):
    code, status = "invalid_username", 422
    what = Text(
        "이름은 2~32자의 글자, 숫자, . _ - 로 지을 수 있습니다.", "A name has 2 to 32 letters, digits, . _ or -."
    )
    next_step = Text("고쳐서 다시 시도해 주세요.", "Correct it and try again.")


class WeakPassword(OndolError):
    code, status = "weak_password", 422
    what = Text(
        "비밀번호는 {minimum}자 이상 {maximum}자 이하이고 이름과 달라야 합니다.",
        "A password has {minimum} to {maximum} characters and is not the name.",
    )
    next_step = Text("다른 비밀번호를 골라 주세요.", "Choose another one.")


class PasswordsDiffer(OndolError):
    code, status = "passwords_differ", 422
    what = Text("새 비밀번호와 다시 입력한 비밀번호가 다릅니다.", "The new password and its repetition differ.")
    next_step = Text("두 칸에 같은 비밀번호를 입력해 주세요.", "Type the same one twice.")


class PasswordUnchanged(OndolError):
    code, status = "password_unchanged", 422
    what = Text("새 비밀번호가 지금 비밀번호와 같습니다.", "The new password is the present one.")
    next_step = Text("다른 비밀번호를 골라 주세요.", "Choose another one.")


class InvalidToken(OndolError):
    code, status = "invalid_token", 422
    what = Text(
        "토큰에는 1~64자의 이름, 하나 이상의 권한, 1~3650일의 기한(또는 무기한)이 필요합니다.",
        "A token has a name of 1 to 64 characters, at least one scope, and lasts 1 to 3650 days or for good.",
    )
    next_step = Text("고쳐서 다시 시도해 주세요.", "Correct it and try again.")


class TooManyTokens(OndolError):
    code, status = "too_many_tokens", 409
    what = Text("토큰은 한 사람에 {limit}개까지 만들 수 있습니다.", "One person can have at most {limit} tokens.")
    next_step = Text("쓰지 않는 토큰을 먼저 지워 주세요.", "Revoke one that is not used.")


class UnknownToken(OndolError):
    code, status = "unknown_token", 404
    what = Text("그 토큰을 찾을 수 없습니다.", "That token was not found.")
    next_step = Text(
        "이미 지워졌을 수 있습니다. 목록을 새로 고쳐 주세요.", "It may be revoked already; reload the list."
    )


class UnknownSession(OndolError):
    code, status = "unknown_session", 404
    what = Text("그 로그인을 찾을 수 없습니다.", "That session was not found.")
    next_step = Text("이미 끝났을 수 있습니다. 목록을 새로 고쳐 주세요.", "It may have ended already; reload the list.")


class LastAdmin(OndolError):
    code, status = "last_admin", 409
    what = Text("마지막 관리자는 막거나 내릴 수 없습니다.", "The last admin cannot be disabled or demoted.")
    next_step = Text("먼저 다른 관리자를 만들어 주세요.", "Make another admin first.")


# --- chat ----------------------------------------------------------------------------------------------------


class EmptyMessage(OndolError):
    code, status = "empty_message", 422
    what = Text("메시지가 비어 있습니다.", "The message is empty.")
    next_step = Text("질문을 적어 주세요.", "Write a question.")


class MessageTooLong(OndolError):
    code, status = "message_too_long", 413
    what = Text(
        "메시지가 {length:,}자로 너무 깁니다(최대 {limit:,}자).",
        "The message has {length:,} characters, at most {limit:,} are taken.",
    )
    next_step = Text(
        "줄이거나 나누어 보내 주세요. 쓴 글은 입력란에 남아 있습니다.",
        "Shorten or split it; your text is still in the box.",
    )


class MessageOverContext(OndolError):
    code, status = "message_over_context", 413
    what = Text(
        "메시지만으로 {tokens:,}토큰이라 모델이 한 번에 읽는 {context:,}토큰에 들어가지 않습니다.",
        "The message alone has {tokens:,} tokens; the model reads {context:,} at a time, answer included.",
    )
    next_step = Text(
        "줄이거나 나누어 보내거나, 답변 길이를 낮춰 주세요.", "Shorten or split it, or lower the length of the answer."
    )


class UnknownConversation(OndolError):
    code, status = "unknown_conversation", 404
    what = Text("그 대화를 찾을 수 없습니다.", "That conversation was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownMessage(OndolError):
    code, status = "unknown_message", 404
    what = Text("그 메시지를 찾을 수 없습니다.", "That message was not found.")
    next_step = Text("페이지를 새로 고쳐 주세요.", "Reload the page.")


class ConversationBusy(OndolError):
    code, status = "conversation_busy", 409
    what = Text("이 대화에서 아직 답변을 쓰고 있습니다.", "An answer is still being written in this conversation.")
    next_step = Text("끝날 때까지 기다리거나 멈춘 뒤에 보내 주세요.", "Wait for it, or stop it, then send again.")
    retry_after_s = 5


# --- engine --------------------------------------------------------------------------------------------------


class UnknownProvider(OndolError):
    code, status = "unknown_provider", 404
    what = Text(
        "`{provider}`라는 모델 제공자가 없습니다. 있는 것: {known}.",
        "There is no provider `{provider}`. There are: {known}.",
    )
    next_step = Text("그 가운데서 고르거나 비워 두세요.", "Choose one of these, or leave it out.")


class EngineUnavailable(OndolError):
    code, status = "engine_unavailable", 503
    what = Text("모델 서버({provider})에 닿지 않습니다.", "The model server ({provider}) cannot be reached.")
    next_step = Text(
        "저절로 다시 켜지는 중일 수 있습니다. 잠시 뒤에 다시 보내 주세요.",
        "It may be restarting by itself; send again in a moment.",
    )
    retry_after_s = 5


class EngineLoading(OndolError):
    code, status = "engine_loading", 503
    what = Text("모델({provider})을 메모리에 올리는 중입니다.", "The model ({provider}) is being loaded.")
    next_step = Text("잠시 뒤에 다시 보내 주세요.", "Send again in a moment.")
    retry_after_s = 5


class EngineInterrupted(OndolError):
    code, status = "engine_interrupted", 502
    what = Text(
        "답변을 쓰던 중에 모델 서버({provider})와 연결이 끊겼습니다.",
        "The model server ({provider}) went away in the middle of the answer.",
    )
    next_step = Text(
        "쓴 데까지 남겨 두었습니다. 다시 쓰기를 눌러 주세요.", "What was written is kept; regenerate to try again."
    )


class EngineTimeout(OndolError):
    code, status = "engine_timeout", 504
    what = Text(
        "모델({provider})이 {seconds:.0f}초 동안 답하지 않았습니다.",
        "The model ({provider}) did not answer within {seconds:.0f} seconds.",
    )
    next_step = Text("붐비고 있을 수 있습니다. 다시 보내 주세요.", "It may be busy; send again.")


class EngineRefused(OndolError):
    code, status = "engine_refused", 502
    what = Text(
        "모델 서버({provider})가 요청을 거절했습니다(HTTP {upstream_status}).",
        "The model server ({provider}) refused the request (HTTP {upstream_status}).",
    )
    next_step = Text(
        "모델 이름과 키가 맞는지 운영자가 확인해야 합니다.", "The operator should check the model's name and key."
    )


class EngineBusy(OndolError):
    code, status = "engine_busy", 503
    what = Text("모델 서버({provider})가 지금 너무 바쁩니다.", "The model server ({provider}) is too busy now.")
    next_step = Text("{retry_after_s}초 뒤에 다시 보내 주세요.", "Send again in {retry_after_s} seconds.")
    retry_after_s = 10


# --- weights ------------------------------------------------------------------------------------------------


class UnknownModel(OndolError):
    code, status = "unknown_model", 404
    what = Text(
        "`{model}`이라는 모델은 목록에 없습니다. 있는 것: {known}.", "There is no model `{model}`. There are: {known}."
    )
    next_step = Text(
        "그 가운데서 고르거나, 가지고 있는 GGUF 파일을 LLM_GGUF로 알려 주세요.",
        "Choose one of these, or name a GGUF file of your own in LLM_GGUF.",
    )


class WeightsMissing(OndolError):
    code, status = "weights_missing", 503
    what = Text(
        "모델 `{model}`의 파일이 아직 없습니다({path}).", "The weights of `{model}` are not there yet ({path})."
    )
    next_step = Text(
        "받으려면: python -m backend.models fetch {model}", "Fetch them: python -m backend.models fetch {model}"
    )


class WeightsDamaged(OndolError):
    code, status = "weights_damaged", 500
    what = Text(
        "모델 파일 {path}의 내용이 목록과 다릅니다: {reason}.",
        "The weights {path} are not what the manifest says: {reason}.",
    )
    next_step = Text(
        "다시 받으려면: python -m backend.models fetch {model}",
        "Fetch them again: python -m backend.models fetch {model}",
    )


class GgufUnusable(OndolError):
    code, status = "gguf_unusable", 422
    what = Text("{path} 파일을 모델로 쓸 수 없습니다: {reason}.", "{path} cannot be used as a model: {reason}.")
    next_step = Text(
        "LLM_GGUF에 읽을 수 있는 GGUF 파일의 경로를 적거나, 비워 두고 기본 모델을 쓰세요.",
        "Set LLM_GGUF to a GGUF file that can be read, or leave it empty for the default model.",
    )


class NoSpaceForWeights(OndolError):
    code, status = "no_space_for_weights", 507
    what = Text(
        "{path}에 공간이 모자랍니다: {needed_mb:,}MB가 필요한데 {free_mb:,}MB가 남았습니다.",
        "There is not enough room in {path}: {needed_mb:,} MB are needed, {free_mb:,} MB are free.",
    )
    next_step = Text(
        "공간을 비우거나 DATA_DIR을 다른 디스크로 정한 뒤 다시 실행하세요. 받은 데부터 이어집니다.",
        "Free some, or point DATA_DIR to another disk, and run it again; what is there already is kept.",
    )


class FetchFailed(OndolError):
    code, status = "fetch_failed", 502
    what = Text(
        "모델 `{model}`을 어디에서도 받지 못했습니다: {reasons}.",
        "The weights of `{model}` could not be fetched from anywhere: {reasons}.",
    )
    next_step = Text(
        "네트워크나 프록시, pip 설정을 확인하고 다시 실행하세요. 받은 데부터 이어집니다. 다른 기기에서 받은 파일을 {path}에 두어도 됩니다.",
        "Check the network, the proxy and pip's configuration and run it again; it goes on where it stopped. A file fetched elsewhere can be put at {path}.",
    )


class PortTaken(OndolError):
    code, status = "port_taken", 500
    what = Text("{host}:{port}을 열 수 없습니다: {reason}.", "{host}:{port} cannot be opened: {reason}.")
    next_step = Text(
        "그 포트를 쓰는 프로그램을 멈추거나 {variable}을 바꿔 주세요.",
        "Stop the program that uses it, or set {variable} to another one.",
    )


# --- processes ----------------------------------------------------------------------------------------------


class PortInUse(OndolError):
    code, status = "port_in_use", 500
    what = Text("포트 {port}번은 이미 쓰이고 있습니다: {owner}.", "Port {port} is in use: {owner}.")
    next_step = Text(
        "그 프로그램을 끄거나 다른 포트를 고르세요: {other}", "Stop that program, or choose another port: {other}"
    )


class AddressUnusable(OndolError):
    code, status = "address_unusable", 500
    what = Text(
        "{host}:{port}에서 연결을 받을 수 없습니다: {reason}.", "{host}:{port} cannot be listened on: {reason}."
    )
    next_step = Text(
        "GRADIO_SERVER_NAME과 포트(--port)를 확인하세요. 1024보다 작은 포트에는 관리자 권한이 필요합니다.",
        "Check GRADIO_SERVER_NAME and the port (--port); ports below 1024 need root.",
    )


class RuntimeFolderUnsafe(OndolError):
    code, status = "runtime_folder_unsafe", 500
    what = Text("{path} 폴더가 다른 사용자의 것입니다.", "The folder {path} belongs to another user.")
    next_step = Text(
        "지우거나, 저장소를 더 짧은 경로로 옮기세요.", "Have it removed, or move the checkout to a shorter path."
    )


class SupervisorFailed(OndolError):
    code, status = "supervisor_failed", 500
    what = Text("supervisord를 켜지 못했습니다: {reason}.", "supervisord did not start: {reason}.")
    next_step = Text("기록을 보세요: ./quick_start.sh --logs supervisord", "See ./quick_start.sh --logs supervisord")


class StopTimedOut(OndolError):
    code, status = "stop_timed_out", 500
    what = Text(
        "supervisord(pid {pid})가 {seconds:.0f}초 안에 끝나지 않았습니다.",
        "supervisord (pid {pid}) did not end within {seconds:.0f} seconds.",
    )
    next_step = Text(
        "kill -9 {pid} 로 끝내면 나머지도 함께 끝납니다.", "End it with kill -9 {pid}; the rest ends with it."
    )


class ServiceKeepsFailing(OndolError):
    code, status = "service_keeps_failing", 500
    what = Text(
        "{service}이(가) 켜지자마자 꺼지기를 되풀이합니다. 마지막 기록: {line}",
        "{service} keeps ending right after its start. Last log line: {line}",
    )
    next_step = Text("기록을 보세요: ./quick_start.sh --logs {service}", "See ./quick_start.sh --logs {service}")


class NotReadyInTime(OndolError):
    code, status = "not_ready_in_time", 500
    what = Text(
        "{seconds:.0f}초를 기다렸지만 아직 준비되지 않았습니다({waiting}).",
        "After {seconds:.0f} seconds it is not ready yet ({waiting}).",
    )
    next_step = Text(
        "계속 켜지는 중입니다. ./quick_start.sh --status 로 확인하고, 기록은 ./quick_start.sh --logs 로 보세요.",
        "It is still starting: see ./quick_start.sh --status and ./quick_start.sh --logs.",
    )


class ModelNotOurs(OndolError):
    code, status = "model_not_ours", 422
    what = Text(
        "모델을 고를 수 없습니다: {variable}이(가) 설정되어 있습니다.",
        "The model cannot be chosen here: {variable} is set.",
    )
    next_step = Text(
        "{variable}을(를) 환경 변수나 .env에서 지우거나, --small과 --model 없이 켜세요.",
        "Remove {variable} from the environment or .env, or start without --small and --model.",
    )


# --- search --------------------------------------------------------------------------------------------------


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


# --- database -----------------------------------------------------------------------------------------------


class DatabaseUnavailable(OndolError):
    code, status = "database_unavailable", 503
    what = Text("데이터베이스에 닿지 않습니다.", "The database cannot be reached.")
    next_step = Text(
        "저절로 다시 켜지는 중일 수 있습니다. 잠시 뒤에 다시 시도해 주세요.",
        "It may be restarting by itself; try again in a moment.",
    )
    retry_after_s = 3


class DatabaseFull(OndolError):
    code, status = "database_full", 507
    what = Text("데이터베이스의 디스크가 가득 찼습니다.", "The database's disk is full.")
    next_step = Text(
        "저장되지 않았습니다. 운영자가 공간을 비운 뒤 다시 보내 주세요.",
        "Nothing was stored; send again after the operator has freed space.",
    )


class Starting(OndolError):
    code, status = "starting", 503
    what = Text("Ondol이 켜지는 중입니다.", "Ondol is starting.")
    next_step = Text("잠시 뒤에 저절로 열립니다.", "It opens by itself in a moment.")
    retry_after_s = 2


# --- documents ----------------------------------------------------------------------------------------------


class DocumentTooLarge(OndolError):
    code, status = "document_too_large", 413
    what = Text("파일이 너무 큽니다(최대 {limit:,}바이트).", "The file is too large (at most {limit:,} bytes).")
    next_step = Text(
        "나누어 올리거나, 운영자에게 MAX_DOCUMENT_BYTES를 늘려 달라고 하세요.",
        "Upload it in parts, or ask the operator to raise MAX_DOCUMENT_BYTES.",
    )


class DocumentTooLong(OndolError):
    code, status = "document_too_long", 413
    what = Text(
        "글이 너무 깁니다(한 파일에 최대 {limit:,}자).", "There is too much text (at most {limit:,} characters a file)."
    )
    next_step = Text("나누어 올려 주세요.", "Upload it in parts.")


class DocumentEmpty(OndolError):
    code, status = "document_empty", 422
    what = Text("파일이 비어 있습니다.", "The file is empty.")
    next_step = Text("내용이 있는 파일을 올려 주세요.", "Upload one that has text.")


class DocumentTypeUnknown(OndolError):
    code, status = "document_type_unknown", 415
    what = Text("읽을 수 있는 종류의 파일이 아닙니다.", "This kind of file cannot be read.")
    next_step = Text(
        "PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV, 법령 XML·JSON이나 이들을 묶은 ZIP으로 올려 주세요.",
        "Upload PDF, DOCX, HWPX, TXT, Markdown, HTML, CSV, an exported law (XML, JSON), or a ZIP of these.",
    )


class OldHwp(OndolError):
    code, status = "old_hwp", 415
    what = Text("예전 HWP 형식은 읽지 못합니다.", "The old binary HWP format cannot be read.")
    next_step = Text(
        "한글에서 열고 '다른 이름으로 저장하기'에서 HWPX나 PDF를 골라 저장한 뒤 올려 주세요.",
        "Open it in Hangul, choose Save As, HWPX or PDF, and upload that.",
    )


class OldOffice(OndolError):
    code, status = "old_office", 415
    what = Text(
        "암호가 걸린 파일이거나 예전 Office 형식(DOC)입니다.",
        "The file has a password or is of an old Office format (DOC).",
    )
    next_step = Text(
        "Word에서 열고 암호 없이 DOCX로 저장해 올려 주세요.", "Open it in Word, save it as DOCX without a password."
    )


class DocumentEncrypted(OndolError):
    code, status = "document_encrypted", 422
    what = Text("암호가 걸린 파일입니다.", "The file is protected by a password.")
    next_step = Text("암호를 없앤 파일을 올려 주세요.", "Upload it without the password.")


class DocumentDamaged(OndolError):
    code, status = "document_damaged", 422
    what = Text("파일이 손상되었거나 이름과 다른 형식입니다.", "The file is damaged, or is not what its name says.")
    next_step = Text("원래 프로그램에서 열리는지 확인하고 다시 올려 주세요.", "Check that it opens in its own program.")


class DocumentWithoutText(OndolError):
    code, status = "document_without_text", 422
    what = Text(
        "글자가 없는 파일입니다. 스캔한 그림만 있는 PDF일 수 있습니다.",
        "There is no text in the file. It may be a PDF of scanned pictures.",
    )
    next_step = Text(
        "문자 인식(OCR)을 한 PDF로 바꾸어 올려 주세요.", "Run text recognition (OCR) on it and upload the result."
    )


class DocumentTooHard(OndolError):
    code, status = "document_too_hard", 422
    what = Text(
        "정해진 시간이나 메모리 안에 읽지 못했습니다.", "It could not be read within the limits of time and memory."
    )
    next_step = Text("다시 저장하거나 나누어 올려 주세요.", "Save it anew or in parts, and upload that.")


class ArchiveTooManyFiles(OndolError):
    code, status = "archive_too_many_files", 422
    what = Text(
        "ZIP 안에 파일이 {count:,}개 있습니다(최대 {limit:,}개).",
        "The ZIP has {count:,} files, at most {limit:,} are taken.",
    )
    next_step = Text("나누어 묶어 올려 주세요.", "Pack them into several.")


class ArchiveTooLarge(OndolError):
    code, status = "archive_too_large", 422
    what = Text(
        "ZIP을 풀면 너무 커집니다(최대 {limit:,}바이트).", "The ZIP unpacks to too much (at most {limit:,} bytes)."
    )
    next_step = Text("나누어 묶어 올려 주세요.", "Pack the files into several.")


class ArchiveNested(OndolError):
    code, status = "archive_nested", 422
    what = Text("ZIP 안의 ZIP은 풀지 않습니다.", "A ZIP inside a ZIP is not unpacked.")
    next_step = Text("안에 있는 ZIP을 따로 올려 주세요.", "Upload the inner one by itself.")


class ArchiveNameUnsafe(OndolError):
    code, status = "archive_name_unsafe", 422
    what = Text(
        "ZIP 안의 이름이 폴더 밖을 가리켜 읽지 않았습니다.",
        "A name in the ZIP points outside of its folder; it was not read.",
    )
    next_step = Text("이름을 고쳐 다시 묶어 주세요.", "Rename the file and pack it again.")


class UnknownCollection(OndolError):
    code, status = "unknown_collection", 404
    what = Text("그 문서함을 찾을 수 없습니다.", "That collection was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownDocument(OndolError):
    code, status = "unknown_document", 404
    what = Text("그 문서를 찾을 수 없습니다.", "That document was not found.")
    next_step = Text("지워졌을 수 있습니다. 목록에서 골라 주세요.", "It may have been deleted; pick one from the list.")


class UnknownPassage(OndolError):
    code, status = "unknown_passage", 404
    what = Text("그 대목을 찾을 수 없습니다.", "That passage was not found.")
    next_step = Text(
        "문서가 지워졌거나 다시 읽혔을 수 있습니다. 다시 찾아 주세요.",
        "Its document may have been deleted or read anew; search again.",
    )


class UnknownPage(OndolError):
    code, status = "unknown_page", 404
    what = Text("그 문서에는 그런 쪽이 없습니다.", "The document has no such page to show.")
    next_step = Text(
        "쪽 번호를 확인해 주세요. PDF만 쪽을 보여 줍니다.", "Check the number; only PDFs have pages to show."
    )


class DocumentNotWaiting(OndolError):
    code, status = "document_not_waiting", 409
    what = Text(
        "이 문서는 지금 그렇게 할 수 없습니다({state}).", "That cannot be done with this document now ({state})."
    )
    next_step = Text(
        "취소는 읽는 동안에, 다시 읽기는 실패하거나 취소된 뒤에 할 수 있습니다.",
        "Cancel while it is being read; retry after it failed or was cancelled.",
    )


class UploadWithoutFiles(OndolError):
    code, status = "upload_without_files", 422
    what = Text("올린 파일이 없습니다.", "There is no file in the upload.")
    next_step = Text(
        "multipart/form-data의 `files`에 하나 이상 담아 주세요.",
        "Send one or more in the field `files` of a multipart form.",
    )
