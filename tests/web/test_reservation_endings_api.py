"""How holds end: commit, release, extend; in full or in part, once or repeated."""

import pytest
from support.apps import HoldShop, lines_of, told, wrong_fields


@pytest.fixture
def shop() -> HoldShop:
    return HoldShop()


def test_the_whole_needs_no_body_and_may_be_asked_twice(shop):
    for act, state in (("commit", "committed"), ("release", "released")):
        path = shop.held(("sku-1", 1))
        first, again = (shop.post(f"{path}/{act}") for _ in range(2))
        assert (first.status_code, first.json["state"]) == (200, state)
        assert (again.status_code, again.data) == (200, first.data)
    assert (shop.record()["onHand"], shop.record()["reserved"]) == (9, 0)


def test_committed_in_part_and_then_released_ends_as_committed_however_often_it_is_asked(shop):
    path = shop.held(("sku-1", 4))
    part = shop.post(f"{path}/commit", {"lines": lines_of(("sku-1", 1)), "expectedVersion": 1})
    assert part.json["state"] == "partly_committed"
    first, again = (shop.post(f"{path}/release") for _ in range(2))
    assert (first.json["state"], first.json["lines"][0]["released"]) == ("committed", 3)
    assert (again.status_code, again.data) == (200, first.data)


@pytest.mark.parametrize("act", ["commit", "release"])
def test_a_part_needs_a_key_or_a_version_so_that_it_counts_once(shop, act):
    path, body = shop.held(("sku-1", 4)), {"lines": lines_of(("sku-1", 1))}
    refused = shop.post(f"{path}/{act}", body)
    assert (told(refused), wrong_fields(refused)) == ((400, "validation_error"), ["lines"])
    first, again = (shop.post(f"{path}/{act}", body, Idempotency_Key="k") for _ in range(2))
    assert (first.data, again.headers["Idempotent-Replayed"]) == (again.data, "true")
    assert told(shop.post(f"{path}/{act}", {**body, "expectedVersion": 1})) == (409, "version_conflict")
    assert shop.post(f"{path}/{act}", body, If_Match='"2"').json["version"] == 3


@pytest.mark.parametrize("act", ["commit", "release"])
@pytest.mark.parametrize("tags", ["*", '"1", "2"', '"2","1",W/"3"'])
def test_a_list_of_versions_is_not_enough_for_a_part_without_a_key(shop, act, tags):
    path, body = shop.held(("sku-1", 6)), {"lines": lines_of(("sku-1", 2))}
    for _ in range(2):
        refused = shop.post(f"{path}/{act}", body, If_Match=tags)
        assert (told(refused), wrong_fields(refused)) == ((400, "validation_error"), ["lines"])
    assert shop.post(f"{path}/{act}", body, If_Match=tags, Idempotency_Key="k").json["version"] == 2
    # Together with one version they name one.
    assert shop.post(f"{path}/{act}", {**body, "expectedVersion": 2}, If_Match='"1", "2"').json["version"] == 3


@pytest.mark.parametrize(("act", "other"), [("commit", "release"), ("release", "commit")])
def test_the_whole_asked_twice_is_the_first_answer_only_at_a_version_that_it_had(shop, act, other):
    path = shop.held(("sku-1", 4))
    shop.post(f"{path}/{other}", {"lines": lines_of(("sku-1", 1)), "expectedVersion": 1})
    first = shop.post(f"{path}/{act}", {"expectedVersion": 2})
    assert first.json["version"] == 3
    # That before it ended, and that which the first answer told.
    for version in (2, 3):
        again = shop.post(f"{path}/{act}", {"expectedVersion": version})
        assert (again.status_code, again.data) == (200, first.data)
    for condition in ({"expectedVersion": 1}, {"expectedVersion": 77}):
        refused = shop.post(f"{path}/{act}", condition)
        assert (told(refused), refused.json["currentVersion"]) == ((409, "version_conflict"), 3)


def test_a_wrong_state_is_a_conflict_that_names_it(shop):
    path = shop.held()
    shop.post(f"{path}/release")
    response = shop.post(f"{path}/commit")
    assert (told(response), response.json["state"]) == ((409, "wrong_state"), "released")


def test_more_than_is_held_is_a_conflict_that_names_every_such_line(shop):
    path = shop.held(("sku-1", 4), ("sku-2", 2))
    body = {"lines": lines_of(("sku-1", 5), ("sku-2", 2), ("sku-9", 1)), "expectedVersion": 1}
    response = shop.post(f"{path}/commit", body)
    assert told(response) == (409, "exceeds_hold")
    assert [(line["sku"], line["requested"], line["available"]) for line in response.json["lines"]] == [
        ("sku-1", 5, 4),
        ("sku-9", 1, 0),
    ]


def test_an_extended_hold_lasts_from_now_on(shop):
    path = shop.held(ttlMs=1000)
    shop.clock.advance(ms=999)
    response = shop.post(f"{path}/extend", {"ttlMs": 1001})
    assert (response.status_code, response.json["expiresAt"]) == (200, "2026-01-01T00:00:02.000000Z")
    shop.clock.advance(ms=1000)
    assert shop.post(f"{path}/commit").json["state"] == "committed"


def test_where_a_count_finds_less_than_was_promised_the_way_out_is_named_and_works(shop):
    path = shop.held(("sku-1", 4))
    shop.client.put("/stores/store-1/inventory/sku-1", json={"onHand": 3})

    refused = shop.post(f"{path}/commit")

    assert told(refused) == (409, "insufficient_stock")
    assert (refused.json["requested"], refused.json["available"]) == (4, 3)
    assert refused.json["reservationId"] in path
    assert "still held" in refused.json["message"]
    assert refused.json["nextStep"].startswith("Commit the available units")
    part = shop.post(f"{path}/commit", {"lines": lines_of(("sku-1", 3)), "expectedVersion": 1})
    assert (part.status_code, part.json["state"]) == (200, "partly_committed")
    rest = shop.post(f"{path}/release")
    assert (rest.status_code, rest.json["state"]) == (200, "committed")
    assert (shop.record()["onHand"], shop.record()["reserved"]) == (0, 0)
