"""PostgreSQL."""

from backend.errors.base import OndolError, Text


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
