"""Signing in, permissions, users and tokens."""

from backend.errors.base import OndolError, Text


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
