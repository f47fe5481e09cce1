"""Random octets: never the same twice, in whichever thread or process."""

import os
from concurrent.futures import ThreadPoolExecutor

from inventory.resilience.random_octets import SIZE, random_octets

MANY = 5000


def test_nobody_is_given_what_another_thread_was():
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: random_octets(), range(MANY)))
    assert len(set(given)) == MANY
    assert {len(octets) for octets in given} == {SIZE}


def test_a_forked_child_is_given_others_than_its_parent():
    random_octets()  # so that some are kept already
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(random_octets() for _ in range(16)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 16 * SIZE)
    ours = b"".join(random_octets() for _ in range(16))
    os.close(reading)
    os.close(writing)
    pieces = {theirs[at : at + SIZE] for at in range(0, len(theirs), SIZE)}
    assert len(pieces) == 16
    assert pieces.isdisjoint(ours[at : at + SIZE] for at in range(0, len(ours), SIZE))
