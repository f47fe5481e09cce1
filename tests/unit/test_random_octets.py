"""Random octets: never the same twice, in whichever thread or process."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from inventory.service.event_ids import SIZE, random_octets

MANY = 5000
# In a process of its own, which has no other threads when it forks.
FORKING = """
import os
from inventory.service.event_ids import random_octets
random_octets()  # so that some are kept already
child = os.fork()
# In one write: two processes have this pipe, and print may write each word by itself.
os.write(1, "".join(random_octets().hex() + "\\n" for _ in range(16)).encode())
if child:
    os.waitpid(child, 0)
"""


def test_nobody_is_given_what_another_thread_was():
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: random_octets(), range(MANY)))
    assert len(set(given)) == MANY
    assert {len(octets) for octets in given} == {SIZE}


def test_a_forked_child_is_given_others_than_its_parent():
    told = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True).stdout.split()
    assert (len(told), len(set(told))) == (32, 32)
