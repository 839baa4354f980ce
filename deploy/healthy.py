"""Whether a server of this container answers with 200: `python deploy/healthy.py PORT PATH [STATE]`, for health checks.

With a STATE a server that says `{"state": STATE}` passes as well. Needs nothing but the standard library, and no proxy
of the environment is asked.
"""

import json
import sys
from http.client import HTTPConnection, HTTPException


def is_healthy(port: int, path: str, also: str = "", timeout_s: float = 4.0) -> bool:
    """Asks on the loopback address. `also`: a state that passes whatever the status is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status == 200 or not also:
            return answer.status == 200
        body = json.loads(answer.read(65_536))
        return isinstance(body, dict) and body.get("state") == also
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(int(sys.argv[1]), sys.argv[2], "".join(sys.argv[3:4])) else 1)
