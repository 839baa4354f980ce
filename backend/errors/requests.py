"""What a request can get wrong before any feature sees it."""

from backend.errors.base import OndolError, Text


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
