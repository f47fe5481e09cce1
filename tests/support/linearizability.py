"""Is a history of concurrent operations linearizable? Pure functions on what clients have noted.

It is (Herlihy and Wing, "Linearizability", TOPLAS 12(3), 1990) if its operations can be put into one order in which
each answer is what a plain sequential record would have said, and in which whatever had ended before another began
comes before it. By their theorem 1 it is enough to look at each object, here each item, alone.

In general that order has to be searched for. Here each change makes the next version and says which, and each read says
which it saw, so the versions *are* the order. Sorted by version, of one version the change first, then by time,
a history is linearizable if

- the changes are 1, 2, 3 …, and each was possible, and says what it says, in the state before it (``_Chain.walks``);
- nothing that began after another had ended has an older version, nor, if it is a change, the same (``_sweep``).

Three kinds of operation do not say where they belong:

- *Unknown outcomes* may have happened once, at any time after they began, or not at all. One is needed wherever a
  version was made for which no client has an answer; the ways to place them are tried one after the other.
- *Refusals for lack of stock* say how much there was, and have to fit some state between their begin and their end. The
  earliest that fits is taken: a later one would only ask more of what comes after.
- *Repetitions under one key* are one change, which had happened when the first answer came.

A read that says how far it may be behind is measured against what had ended so long before it began. That goes beyond
linearizability, and so does what is checked of sequences: a page or view is one moment of the log for all its records.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from support.history import NEVER, Operation, State, Told, Violation

_WAYS = 1000
"""So many ways to place unknown outcomes are tried; a history that fits none of them is reported."""


def violations(history: Iterable[Operation]) -> list[Violation]:
    """What no linearizable service could have answered; nothing if the history is linearizable."""
    by_item: dict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        by_item[operation.item].append(operation)
    return [found for item, operations in by_item.items() for found in _violations_of(item, operations)]


def _violations_of(item: str, given: Sequence[Operation]) -> list[Violation]:
    found: list[Violation] = []
    operations = list(_one_for_each_key(given, found))
    chain = _Chain(item)
    for operation in operations:
        found += chain.note(operation)
    found += _check_sequences(item, chain.said, operations)
    spare = sorted((one for one in operations if one.may_have_happened), key=lambda one: one.began)
    first_try: list[Violation] | None = None
    for states, placed in islice(chain.walks([State()], {}, spare), _WAYS):
        unfit = list(_sweep(operations, states, placed))
        if not unfit:
            return found
        first_try = first_try or unfit
    if first_try is None:
        first_try = [chain.broken_at, *_sweep(operations, [], {})]
    return found + first_try


def _one_for_each_key(given: Sequence[Operation], found: list[Violation]) -> Iterator[Operation]:
    """Repetitions as one operation each; notes answers that differ from the first one under their key."""
    by_key: dict[str, list[Operation]] = defaultdict(list)
    for operation in given:
        if operation.key is None or operation.outcome == "refused":
            yield operation
        if operation.key is not None:
            by_key[operation.key].append(operation)
    for tries in by_key.values():
        made = sorted((one for one in tries if one.outcome != "refused"), key=lambda one: one.ended)
        if not made:
            continue
        first = next((one for one in made if one.is_change), made[0])
        for one in tries:
            differs = one.is_change and one.told != first.told
            if differs or (one.outcome == "refused" and one.began > first.ended):
                found.append(Violation("key", one.item, f"{one} after {first}"))
        yield first._replace(began=min(one.began for one in made))


def _check_sequences(item: str, said: Mapping[int, Told], operations: Sequence[Operation]) -> Iterator[Violation]:
    """A later version stands later in the log; a read up to some place saw the last version up to there."""
    following: dict[int, int] = {}
    later = NEVER
    for version in sorted(said, reverse=True):
        following[version] = later
        sequence = said[version].sequence
        if sequence is not None and sequence >= later:
            yield Violation("sequence", item, f"version {version} is event {sequence}, a later one is {later}")
        later = later if sequence is None else sequence
    for operation in operations:
        version, as_of = operation.told.version, operation.told.as_of
        if version is not None and as_of is not None:
            made_by = said[version].sequence or 0
            if not made_by <= as_of < following[version]:
                yield Violation("sequence", item, f"{operation}: made by {made_by}, next by {following[version]}")


@dataclass
class _Chain:
    """The versions of one item: which change made each, what answers said of it, and how far they fit together."""

    item: str
    made: dict[int, Operation] = field(default_factory=dict)
    said: dict[int, Told] = field(default_factory=lambda: {0: Told(0, 0, 0, 0, 0)})
    _broken: tuple[int, Violation] | None = None

    @property
    def broken_at(self) -> Violation:
        """Why no walk came further."""
        assert self._broken is not None
        return self._broken[1]

    def note(self, operation: Operation) -> Iterator[Violation]:
        """File one operation by its version."""
        version = operation.told.version
        if operation.is_change:
            if not version or version in self.made:
                yield Violation("doubled", self.item, f"{operation} and {self.made.get(version or 0)}")
            self.made[version or 0] = operation
        if version is None:
            return
        before, told = self.said.get(version, Told()), operation.told._replace(as_of=None)
        if any(None not in pair and pair[0] != pair[1] for pair in zip(before, told, strict=True)):
            yield Violation("figures", self.item, f"{operation} where another was told {before}")
        self.said[version] = Told(*(old if old is not None else new for old, new in zip(before, told, strict=True)))

    def walks(
        self, states: list[State], placed: dict[int, Operation], spare: Sequence[Operation]
    ) -> Iterator[tuple[list[State], dict[int, Operation]]]:
        """Every way from version 0 to the last one: its states, and the unknown outcomes it needs, by version."""
        last = max((*self.made, *self.said))
        while len(states) <= last and len(states) in self.made:
            after = self._step(states[-1], self.made[len(states)])
            if after is None:
                return
            states.append(after)
        if len(states) > last:
            yield states, placed
            return
        self._stop(len(states), Violation("missing", self.item, f"no change made version {len(states)} of {last}"))
        tried = set()
        for change in spare:
            effect = (change.kind, change.amount, change.expected)
            # Of several that do the same, the one that began first: what began later can still be placed later.
            if effect not in tried:
                tried.add(effect)
                after = self._step(states[-1], change)
                if after is not None:
                    rest = [other for other in spare if other is not change]
                    yield from self.walks([*states, after], {**placed, len(states): change}, rest)

    def _step(self, state: State, change: Operation) -> State | None:
        after = state.after(change)
        if after is None:
            self._stop(state.version + 1, Violation("impossible", self.item, f"{change} in {state}"))
        elif not after.fits(self.said.get(after.version, Told())):
            text = f"{change} in {state}, and version {after.version} is {self.said[after.version]}"
            self._stop(state.version + 1, Violation("figures", self.item, text))
            return None
        return after

    def _stop(self, version: int, why: Violation) -> None:
        # The first reason at the furthest place: what is tried in a gap comes behind the gap itself.
        if self._broken is None or version > self._broken[0]:
            self._broken = (version, why)


def _sweep(
    operations: Sequence[Operation], states: Sequence[State], placed: Mapping[int, Operation]
) -> Iterator[Violation]:
    """Go through time, with the highest version of what has ended; nothing that begins may be older.

    :param states: by version; none if the versions do not chain, and then nothing is asked of refusals without one.
    """
    places = {id(change): version for version, change in placed.items()}
    moments = [(one.began - one.lag, 0, number) for number, one in enumerate(operations)]
    moments += [(one.ended, 1, number) for number, one in enumerate(operations) if one.ended < NEVER]
    place_of: list[int | None] = [places.get(id(one), one.told.version) for one in operations]
    floor, told_by = 0, None
    for _, has_ended, number in sorted(moments):
        one, place = operations[number], place_of[number]
        if has_ended:
            if place is not None and place > floor:
                floor, told_by = place, one
            continue
        if place is None and one.outcome == "refused" and states:
            place = place_of[number] = next((at for at in range(floor, len(states)) if states[at].refuses(one)), None)
        if place is None:
            if one.outcome == "refused" and states:
                yield Violation("refusal", one.item, f"{one} fits no state since version {floor}")
            continue
        changes = one.kind != "read" and one.outcome != "refused"
        if place < floor or (changes and place == floor):
            yield Violation("order" if changes else "stale", one.item, f"{one} began after the end of {told_by}")
        elif one.outcome == "refused" and states and not states[place].refuses(one):
            yield Violation("refusal", one.item, f"{one} in {states[place]}")
