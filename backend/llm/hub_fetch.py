"""Fetches a model from the hub, in the foreground: `python -m backend.llm.hub_fetch MODEL FILES`.

FILES is JSON: `{"revision": "…", "files": ["…"]}`. A process of its own, because a transfer with the hub's library
cannot be ended otherwise. It goes on where an earlier one stopped. The exit status says what went wrong.
"""

import errno
import json
import os
import signal
import sys
from enum import IntEnum

import httpx2

from backend.processes import die_with_parent
from backend.settings import load


class Outcome(IntEnum):
    """Exit status."""

    DONE = 0
    FAILED = 1
    GATED = 3
    NOT_THERE = 4
    NO_SPACE = 5


def main() -> int:
    die_with_parent(signal.SIGTERM)
    settings = load()
    # The library reads these once, when it is imported.
    os.environ["HF_HOME"] = str(settings.hub_home)
    os.environ["HF_ENDPOINT"] = settings.hf_endpoint
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - after its variables are set

    model, wanted = sys.argv[1], json.loads(sys.argv[2])
    try:
        snapshot_download(
            model,
            revision=wanted["revision"],
            allow_patterns=wanted["files"],
            token=settings.hf_token.get_secret_value() or False,
        )
    except errors.GatedRepoError:
        return Outcome.GATED
    except errors.RepositoryNotFoundError:
        return Outcome.NOT_THERE
    except OSError as error:  # the errors of HTTP among them
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        return Outcome.NO_SPACE if error.errno in (errno.ENOSPC, errno.EDQUOT) else Outcome.FAILED
    except (RuntimeError, httpx2.HTTPError) as error:  # of hf-xet; of the connection
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        return Outcome.NO_SPACE if "No space left" in str(error) else Outcome.FAILED
    return Outcome.DONE


if __name__ == "__main__":
    sys.exit(main())
