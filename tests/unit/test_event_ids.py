"""Ids of events: the layout of RFC 9562 section 5.7; random octets, given once over all threads and processes."""

import re
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

from support.given import START

from inventory.domain.values import Instant
from inventory.service.event_ids import SIZE, random_octets, uuid7


def test_an_id_has_the_form_version_and_variant_of_the_rfc():
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid7(START))


def test_the_first_48_bits_are_the_millisecond():
    assert uuid.UUID(uuid7(START)).int >> 80 == START // 1000


def test_ids_sort_by_the_millisecond_they_were_made_in():
    ids = [uuid7(Instant(START + tick * 1000)) for tick in range(500)]
    assert ids == sorted(ids)


def test_ids_of_one_instant_differ():
    assert len({uuid7(START) for _ in range(10_000)}) == 10_000


def test_the_74_other_bits_are_random_and_none_follows_from_another():
    numbers = [uuid.UUID(uuid7(START)).int for _ in range(300)]
    # One column of 300 bits for each place; a place that is fixed, or that copies another, gives no new one.
    columns = {tuple(number >> place & 1 for number in numbers) for place in range(80)}
    assert len(columns - {(0,) * 300, (1,) * 300}) == 74


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


def test_no_two_threads_are_given_the_same_octets():
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: random_octets(), range(MANY)))
    assert len(set(given)) == MANY
    assert {len(octets) for octets in given} == {SIZE}


def test_a_forked_child_is_given_others_than_its_parent():
    told = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True).stdout.split()
    assert (len(told), len(set(told))) == (32, 32)
