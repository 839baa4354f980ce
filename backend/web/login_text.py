"""Words of the sign-in and password pages."""

from backend.errors import Language, Text

TEXTS: dict[str, Text] = {
    "login_title": Text("로그인", "Sign in"),
    "login_lead": Text("나만의 AI 작업실입니다.", "Your private AI workbench."),
    "username": Text("이름", "Name"),
    "password": Text("비밀번호", "Password"),
    "sign_in": Text("로그인", "Sign in"),
    "stays": Text(
        "쓰지 않은 지 {days}일이 지나면 로그아웃됩니다.", "You stay signed in until {days} days go by unused."
    ),
    "fill_in": Text("이름과 비밀번호를 모두 적어 주세요.", "Fill in both the name and the password."),
    "wait": Text("{duration} 뒤에 다시 시도해 주세요.", "Try again in {duration}."),
    "first_title": Text("처음 오셨나요?", "First time here?"),
    "first_name": Text("이름은", "The name is"),
    "first_password": Text(
        "이고, 비밀번호는 데이터 폴더 안의 이 파일에 있습니다:", "; the password is in this file of the data folder:"
    ),
    "first_end": Text("비밀번호를 바꾸면 파일은 지워집니다.", "The file goes away once you change the password."),
    "change_title": Text("비밀번호 바꾸기", "Change password"),
    "change_forced": Text(
        "지금 비밀번호는 다른 사람이 정한 것입니다. 계속하려면 새로 정해 주세요.",
        "Your current password was set by somebody else. Choose your own to go on.",
    ),
    "change_lead": Text(
        "바꾸면 다른 기기의 로그인은 모두 끝납니다.",
        "Changing it signs you out on all other devices.",
    ),
    "current": Text("지금 비밀번호", "Current password"),
    "new": Text("새 비밀번호", "New password"),
    "repeat": Text("새 비밀번호 다시", "New password again"),
    "rule": Text(
        "{minimum}자 이상. 길수록 좋고, 띄어쓰기도 됩니다.",
        "At least {minimum} characters. Longer is better; spaces are fine.",
    ),
    "save": Text("바꾸기", "Change password"),
    "back": Text("돌아가기", "Back"),
    "sign_out": Text("로그아웃", "Sign out"),
    "signed_in_as": Text("로그인한 사람:", "Signed in as"),
    "languages": Text("언어", "Language"),
}


def texts(language: Language) -> dict[str, str]:
    """All words in one language; some have fields to fill in with `format`."""
    return {key: text.in_(language) for key, text in TEXTS.items()}


def duration(seconds: int, language: Language) -> str:
    """A wait in words: `12초`, `1 min 30 s`."""
    minutes, rest = divmod(max(1, seconds), 60)
    units = ("분", "초") if language is Language.KO else (" min", " s")
    parts = [f"{amount}{unit}" for amount, unit in zip((minutes, rest), units, strict=True) if amount]
    return " ".join(parts)
