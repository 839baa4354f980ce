"""What `python -m backend.backup` says, in each language."""

from backend.errors import Text

CREATED = Text(
    "백업을 만들었습니다: {path} ({size:,}바이트, 표 {tables}개, {rows:,}행)",
    "Backup made: {path} ({size:,} bytes, {tables} tables, {rows:,} rows)",
)
WITH_SECRETS = Text(
    "비밀 키가 들어 있습니다. 아무에게도 주지 말고 안전한 곳에 두세요.",
    "It holds secret keys: show it to nobody and keep it safe.",
)
WITHOUT_SECRETS = Text(
    "비밀 키는 들어 있지 않습니다.",
    "It holds no secret keys.",
)
LEFT_OUT = Text(
    "DATA_DIR/secrets의 이 파일은 넣지 않았습니다(100kB를 넘거나 이름이 다릅니다): {names}",
    "These files of DATA_DIR/secrets are not in it (over 100 kB, or of another kind of name): {names}",
)
WITHOUT_WEIGHTS = Text(
    "모델 파일은 넣지 않습니다. 필요할 때 다시 받습니다.",
    "The model's weights are not in it; they are fetched again when needed.",
)
SAFETY = Text("전의 내용은 여기에 있습니다: {path}", "What was there before is in {path}")
RESTORED = Text(
    "되돌렸습니다: {made_at}의 백업, 표 {tables}개, {rows:,}행",
    "Restored: the backup of {made_at}, {tables} tables, {rows:,} rows",
)
MIGRATED = Text("표를 이 판의 구조로 올렸습니다.", "Its tables were brought up to this release.")
SECRETS = Text("비밀 키를 되돌렸습니다: {names}", "Secret keys put back: {names}")
NEXT = Text("이제 켜세요: ./quick_start.sh", "Now start it: ./quick_start.sh")
SETTINGS_DIFFER = Text(
    "백업 때와 다른 설정이 있습니다(바꾸지 않았습니다):",
    "Settings that differ from those of the backup (none was changed):",
)
WHOLE = Text("손상되지 않았습니다.", "It is whole.")
