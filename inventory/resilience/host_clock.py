"""The clocks of the host and the id of its boot. Tests pass one that reboots or moves its wall clock."""

import time
import uuid
from pathlib import Path


class HostClock:
    """The real host: Linux, where a boot has an id and a clock that cannot be set."""

    def boot_id(self) -> int:
        """A 128-bit number that changes with every boot of the kernel."""
        return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).int

    def since_boot(self) -> int:
        """Microseconds since the boot, including suspended time; setting the wall clock does not affect it."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000

    def wall(self) -> int:
        """Microseconds since 1970 UTC, by the wall clock."""
        return time.time_ns() // 1000
