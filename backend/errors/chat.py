"""Conversations and their messages."""

from backend.errors.base import OndolError, Text


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
