"""Programs that try to break out of the sandbox. One that succeeds prints a line that starts with `PWN:`.

Each is the text of a program as a learner could send it, by name. Two words in it are replaced before it runs, so that
an attack can aim at what is there: `JUDGE_PID` by the id of the process that judges, `SCRIPT` by the file a child runs.
"""

from bench.attacks.exhausting import EXHAUSTING
from bench.attacks.native import NATIVE
from bench.attacks.processes import PROCESSES
from bench.attacks.reading import READING
from bench.attacks.tampering import FUNCTIONS, TAMPERING

PROGRAMS = {**PROCESSES, **NATIVE, **READING, **EXHAUSTING, **TAMPERING}

__all__ = ["FUNCTIONS", "PROGRAMS"]
