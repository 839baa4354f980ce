"""Room in the data folder."""

import shutil

from backend.errors import Text
from backend.settings import Settings
from backend.verify.check import Check, CheckFailed, Finding

MINIMUM_FREE_MB = 1000


def disk(settings: Settings) -> Check:
    """Room in the data folder."""

    async def look() -> Finding:
        free = shutil.disk_usage(settings.data_dir).free // 1_000_000
        if free < MINIMUM_FREE_MB:
            raise CheckFailed(Text(f"{free:,}MB만 남음", f"only {free:,} MB free"))
        return Text(f"{free:,}MB 남음", f"{free:,} MB free")

    return Check(
        "disk",
        Text("디스크", "disk"),
        look,
        Text("공간을 비우세요. 데이터는 DATA_DIR에 있습니다.", "Free some space; the data is in DATA_DIR."),
    )
