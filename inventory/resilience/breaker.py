"""Circuit breaker: refuse calls while they fail repeatedly, and let a probe through now and then.

After M. Nygard, Release It!, "Circuit Breaker". No lock is held during a guarded call; ``pybreaker`` holds its lock
meanwhile, so eight calls of 0.2 s took 1.6 s.
"""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from inventory.resilience.counter import LocalCounter

State = Literal["closed", "open", "half-open"]


class BreakerOpen(Exception):
    """The call was not made. ``retry_after_ms`` is the remaining cooldown; at least 1."""

    def __init__(self, name: str, retry_after_ms: int) -> None:
        super().__init__(f"the circuit breaker of the {name} is open")
        self.retry_after_ms = retry_after_ms


class Call(NamedTuple):
    """A call that was admitted.

    :ivar evidence: how many results the breaker had when the call began.
    :ivar next_probe_at: if the call is a probe, when the next probe may begin; else ``None``.
    """

    evidence: int
    next_probe_at: int | None = None


class CircuitBreaker:
    """Opens after ``threshold`` consecutive failures; after the cooldown it admits one call as a probe.

    **Consecutive**: a failure counts only if its call began after the previous failure was known. So one bad moment
    that fails all waiting calls (all changes of a commit group) counts once, however many they are. A success that
    began after the last failure resets the count.

    The caller of ``admit`` reports ``succeeded``, ``failed`` or ``withdrew``; once for each change, if the call was
    about several. If a probe reports nothing for a whole cooldown, the next one is admitted, so a lost probe does not
    keep the breaker open.

    :ivar openings: how often it has opened, including after failed probes.
    """

    def __init__(self, name: str, threshold: int, cooldown_ms: int, now: Callable[[], int]) -> None:
        """:param now: microseconds on a monotonic clock."""
        self.name = name
        self.openings = LocalCounter()
        self._threshold = threshold
        self._cooldown = cooldown_ms * 1000
        self._now = now
        self._guard = threading.Lock()
        self._failures = 0
        self._evidence = 0
        # None while closed; otherwise when the next probe may begin.
        self._probe_at: int | None = None
        self._on_change: list[Callable[[], None]] = []

    @property
    def state(self) -> State:
        """``half-open`` as soon as a probe would be admitted."""
        probe_at = self._probe_at
        if probe_at is None:
            return "closed"
        return "open" if self._now() < probe_at else "half-open"

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` after each opening and closing, in the thread that caused it; read ``state`` there."""
        self._on_change.append(tell)

    def admit(self) -> Call:
        """Admit a call.

        :raises BreakerOpen: the breaker is open.
        """
        if self._probe_at is not None:
            with self._guard:
                if self._probe_at is not None:
                    left = self._probe_at - self._now()
                    if left > 0:
                        raise BreakerOpen(self.name, -(-left // 1000))
                    self._probe_at = self._now() + self._cooldown
                    return Call(self._evidence, self._probe_at)
        return Call(self._evidence)

    def succeeded(self, call: Call) -> None:
        """Report that the call succeeded."""
        if not self._failures and self._probe_at is None:
            return
        with self._guard:
            if call.evidence != self._evidence:
                return
            self._failures = 0
            closes = self._probe_at is not None
            if closes:
                self._probe_at = None
                self._evidence += 1
        if closes:
            self._tell()

    def failed(self, call: Call) -> None:
        """Report that the call failed in the way that the breaker guards against."""
        with self._guard:
            if call.evidence != self._evidence:
                return
            self._evidence += 1
            self._failures += 1
            opens = self._probe_at is not None or self._failures >= self._threshold
            if opens:
                self._probe_at = self._now() + self._cooldown
        if opens:
            self.openings()
            self._tell()

    def withdrew(self, call: Call) -> None:
        """Report that the call shows neither; after a probe, the next call is one."""
        with self._guard:
            if self._probe_at is not None and self._probe_at == call.next_probe_at:
                self._probe_at = self._now()

    def _tell(self) -> None:
        for tell in self._on_change:
            tell()
