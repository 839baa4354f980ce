"""Header, times, and what every page says."""

from typing import Final

from backend.errors import Text

TEXTS: Final[dict[str, Text]] = {
    # header
    "app_name": Text("온돌 Ondol", "Ondol 온돌"),
    "tagline": Text("나만의 AI 작업실", "A private AI workbench"),
    "nav_chat": Text("대화", "Chat"),
    "nav_users": Text("사용자", "Users"),
    "nav_account": Text("내 계정", "Account"),
    "nav_places": Text("장소", "Places"),
    "sign_out": Text("로그아웃", "Sign out"),
    "switch_language": Text("English", "한국어"),
    "theme": Text("밝게 / 어둡게", "Light / dark"),
    "menu": Text("메뉴", "Menu"),
    "engine_ready": Text("준비됨", "ready"),
    "engine_loading": Text("모델 준비하는 중", "getting the model ready"),
    "engine_unreachable": Text("모델 서버를 기다리는 중", "waiting for the model server"),
    "engine_missing": Text("모델이 아직 없음", "the model is not there"),
    "engine_refused": Text("모델 서버가 거절함", "the model server refuses"),
    "offline": Text("연결이 끊겼습니다. 다시 연결하는 중입니다…", "Connection lost. Reconnecting…"),
    "back_online": Text("다시 연결되었습니다.", "Connected again."),
    "unknown_error": Text("요청을 처리하지 못했습니다. 페이지를 새로 고쳐 주세요.", "That did not work. Reload the page."),
    "automatic_model": Text("자동", "Automatic"),
    "hosted_note": Text("여기에 쓰려고 내용을 바깥 모델 서비스에 보냈습니다.", "For this, text was sent to a model service outside."),
    "hosted_reviews": Text("리뷰를 바깥 모델 서비스에 보냈습니다.", "The reviews were sent to a model service outside."),
    # times
    "just_now": Text("방금", "just now"),
    "minutes_ago": Text("{n}분 전", "{n} min ago"),
    "hours_ago": Text("{n}시간 전", "{n} h ago"),
    "days_ago": Text("{n}일 전", "{n} d ago"),
}  # fmt: skip
