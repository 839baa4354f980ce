"""What the programs Ondol starts have in common: how they are tied to each other, and the port each needs.

A supervisor that is killed cannot stop what it started. A model server that lives on would keep its port and
its memory, and the next start would fail on both.
"""

import ctypes
import os
import signal
import socket
import sys

from backend.errors import PortTaken

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(sig: signal.Signals) -> None:
    """Makes the kernel send `sig` to this process when the process that started it ends.

    Survives an exec, not a fork. Does nothing on systems other than Linux. Call it from the main thread early:
    a parent that ended before the call is noticed too, and counts as ending now.

    Raises:
        OSError: the kernel refused.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_PDEATHSIG): {os.strerror(number)}")
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def require_port(host: str, port: int, *, variable: str) -> None:
    """Looks whether a server can listen there, before it loads anything.

    Args:
        variable: the setting that chooses the port, for the message.

    Raises:
        PortTaken: it cannot, with the system's reason.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTaken(host=host, port=port, reason=error.strerror or str(error), variable=variable) from None
