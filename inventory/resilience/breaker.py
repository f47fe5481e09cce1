"""Circuit breaker: stop asking what fails again and again, and ask once in a while whether it is back.

After M. Nygard, Release It!, "Circuit Breaker". Nothing is locked while a guarded call runs; ``pybreaker`` holds its
lock meanwhile, so that eight calls of 0.2 s took 1.6 s.
"""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from inventory.resilience.counter import LocalCounter

State = Literal["closed", "open", "half-open"]


class BreakerOpen(Exception):
    """The call was not made. ``retry_after_ms`` is what is left of the cooldown; at least 1."""

    def __init__(self, name: str, retry_after_ms: int) -> None:
        super().__init__(f"the breaker of the {name} is open")
        self.retry_after_ms = retry_after_ms


class Call(NamedTuple):
    """A call that was let through.

    :ivar evidence: how much the breaker had learnt when it began.
    :ivar next_probe_at: when the probe that it is makes way for the next; ``None`` if it is none.
    """

    evidence: int
    next_probe_at: int | None = None


class CircuitBreaker:
    """Opens after ``threshold`` failures in a row; after the cooldown one call is let through as a probe.

    **In a row** means one after the other: a failure counts only if its call began after the failure before it was
    known. So one bad moment that fails everybody who is waiting (all changes of a batch) counts once, however
    many they are. A success that began since the last failure forgets them.

    Whoever calls ``admit`` reports one of ``succeeded``, ``failed`` and ``withdrew``; where the call was about many
    changes, one for each. A probe of which nothing is heard for a whole cooldown makes way for the next, so one that
    was lost keeps nothing shut.

    :ivar openings: how often it has opened, after failed probes too.
    """

    def __init__(self, name: str, threshold: int, cooldown_ms: int, now: Callable[[], int]) -> None:
        """:param now: microseconds on a clock that nobody can set."""
        self.name = name
        self.openings = LocalCounter()
        self._threshold = threshold
        self._cooldown = cooldown_ms * 1000
        self._now = now
        self._guard = threading.Lock()
        self._failures = 0
        self._evidence = 0
        # Closed while None. Later it is when the next probe may begin.
        self._probe_at: int | None = None
        self._on_change: list[Callable[[], None]] = []

    @property
    def state(self) -> State:
        """``half-open`` as soon as a probe would be let through: whoever steers by it must send one."""
        probe_at = self._probe_at
        if probe_at is None:
            return "closed"
        return "open" if self._now() < probe_at else "half-open"

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` after each opening and each closing, by whoever caused it; look at ``state`` there."""
        self._on_change.append(tell)

    def admit(self) -> Call:
        """Let a call through.

        :raises BreakerOpen: not now.
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
        """Note that the call came back well."""
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
        """Note that the call met what the breaker is there for."""
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
        """Note that the call says neither; after a probe the next call is one."""
        with self._guard:
            if self._probe_at is not None and self._probe_at == call.next_probe_at:
                self._probe_at = self._now()

    def _tell(self) -> None:
        for tell in self._on_change:
            tell()
