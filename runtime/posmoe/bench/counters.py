"""The processor's own counters of this thread, where Linux gives them away: cycles, instructions, misses."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable

# event → its number among PERF_COUNT_HW_*
EVENTS = {"cycles": 0, "instructions": 1, "cache misses": 3, "branch misses": 5}
# the system call's number by architecture
CALLS = {"x86_64": 298, "aarch64": 241}
SIZE = 64  # bytes of the first version of struct perf_event_attr
FLAGS = 0b1100001  # disabled at first; neither the kernel nor a hypervisor is counted


def counted(work: Callable[[], object]) -> tuple[dict[str, int], str]:
    """Run work and count its events in user space; what could not be counted is left out, and why is said."""
    if not sys.platform.startswith("linux") or platform.machine() not in CALLS:
        work()
        return {}, "the processor's counters are read on Linux alone, on x86-64 and ARM"
    library = ctypes.CDLL(None, use_errno=True)
    opened: dict[str, int] = {}
    reason = ""
    for name, event in EVENTS.items():
        attributes = struct.pack("IIQQQQQIIQ", 0, SIZE, event, 0, 0, 0, FLAGS, 0, 0, 0)
        number = library.syscall(CALLS[platform.machine()], attributes, 0, -1, -1, 0)
        if number < 0:
            error = ctypes.get_errno()
            reason = f"the system does not let the processor's counters be read ({os.strerror(error)})"
        else:
            opened[name] = number
    try:
        _switch(library, opened, 0x2400)  # PERF_EVENT_IOC_ENABLE
        work()
        _switch(library, opened, 0x2401)  # PERF_EVENT_IOC_DISABLE
        return {name: int.from_bytes(os.read(number, 8), "little") for name, number in opened.items()}, reason
    finally:
        for number in opened.values():
            os.close(number)


def _switch(library: ctypes.CDLL, opened: dict[str, int], request: int) -> None:
    for number in opened.values():
        library.ioctl(number, ctypes.c_ulong(request), 0)
