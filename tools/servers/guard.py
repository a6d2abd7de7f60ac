"""Stops a server when the process that started it is gone, however it went.

Run as a script: ``python guard.py PID GRACE``. Its standard input is a pipe of which only the starter holds
the other end; when that closes, the server gets SIGTERM, and SIGKILL after GRACE seconds. (The kernel's own
PR_SET_PDEATHSIG follows the *thread* that started the server, which may end long before the process.)
"""

import os
import select
import signal
import sys
from contextlib import suppress


def main(pid: int, grace: float) -> None:
    """Wait for the starter's end, then end the server, held by a descriptor: a reused pid does no harm."""
    try:
        server = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    sys.stdin.buffer.read()
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(server, signal.SIGTERM)
        if not select.select([server], [], [], grace)[0]:
            signal.pidfd_send_signal(server, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
