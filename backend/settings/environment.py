"""What the programs that are started here inherit."""

import os
from collections.abc import Callable


def inherited(keep: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """The variables of this process whose names `keep` accepts."""
    return {name: value for name, value in os.environ.items() if keep(name)}
