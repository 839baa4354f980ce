"""A stand-in for RunPod: REST v2 and the GraphQL that is needed, over real HTTP, with the faults that the real one has.

    python -m tests.runpod_double --port 9700

Then start Ondol with RUNPOD_API_URL=http://127.0.0.1:9700/v2, RUNPOD_API_KEY=double-key and RUNPOD_POD_ID=pod0main.
Every answer carries secrets in the pods' environment (each with `canary` in it), so that a test sees one that gets out.
"""

from tests.runpod_double.faults import Fault, FaultKind
from tests.runpod_double.server import KEY, RunpodDouble, double
from tests.runpod_double.state import CANARY, Account, FakePod

__all__ = ["CANARY", "KEY", "Account", "FakePod", "Fault", "FaultKind", "RunpodDouble", "double"]
