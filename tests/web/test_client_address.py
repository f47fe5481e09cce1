"""Whose bucket a request is counted in."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.web.client_address import ClientAddress, Networks

NEAR = st.integers(0, 1023).map(lambda low: ip_address((10 << 24) + low))
NETWORKS = st.builds(
    lambda low, bits: ip_network((f"10.0.{low // 256}.{low % 256}", bits), False),
    st.integers(0, 1023),
    st.integers(20, 32),
)
PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48")


def client(peer, forwarded=None, trusted=PROXIES):
    environ = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    find = ClientAddress(trusted)
    first = find(environ)
    assert find(environ) == first
    return first


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9,198.51.100.1 ,10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:1:2::3]:4711", "2001:db8:1:2::/64"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("2001:db8:ffff::1", "198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(peer, forwarded, found):
    assert client(peer, forwarded) == found


def test_without_trusted_proxies_no_header_is_believed():
    assert client("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


def test_all_addresses_of_an_ipv6_customer_are_one_client():
    assert client("2001:db8:1:2::3") == client("2001:db8:1:2:ffff::9") != client("2001:db8:1:3::3")


def test_an_ipv4_address_written_as_ipv6_is_the_same_client():
    assert client("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_list_of_trusted_addresses_without_end_is_not_read_to_its_beginning():
    assert client("10.0.0.1", ",".join(["198.51.100.1", *["10.0.0.2"] * 1000])) == "10.0.0.2"


def test_what_is_remembered_is_bounded():
    find = ClientAddress(PROXIES)
    for number in range(10_000):
        find({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"198.51.{number >> 8}.{number & 255}"})
    assert len(find._known) <= 4096


@given(st.lists(st.builds(ip_network, st.ip_addresses(), st.just(True)) | NETWORKS), st.ip_addresses() | NEAR)
def test_an_address_is_in_a_set_of_networks_if_it_is_in_one_of_them(networks, address):
    found = address in Networks([str(network) for network in networks])
    assert found == any(address in network for network in networks)
