"""If-Match, If-None-Match and expectedVersion."""

import pytest
from support.apps import ADJUST, RECORD, RESERVE, wrong_fields


def adjust(client, if_match=None, expected=None):
    body = {"delta": 1} if expected is None else {"delta": 1, "expectedVersion": expected}
    return client.post(ADJUST, json=body, headers=[] if if_match is None else [("If-Match", if_match)])


@pytest.fixture
def at_three(stocked):
    """The record at version 3."""
    for _ in range(2):
        stocked.post(ADJUST, json={"delta": 1})
    return stocked


MATCHING = ['"3"', "3", "*", ' "3" ', '"1", "3"', '"1","2",3', 'W/"3", "3"', '"a,b", "3"', ', "3",,', '"x" , 3']
STALE = ['"2"', "2", 'W/"3"', '"1", "2"', '"three"', '""', '"03"', "03", '"3 "'.replace(" ", "!"), "9" * 4999]
MALFORMED = ["three", '"3', '3"', "", " ", ",", "*, 3", '"3" "4"', "W/3", 'w/"3"', "-3", '"3";', '" 3"', "3.0"]


@pytest.mark.parametrize("tags", MATCHING)
def test_a_change_that_names_the_version_is_made(at_three, tags):
    assert adjust(at_three, tags).status_code == 200


@pytest.mark.parametrize("tags", STALE)
def test_a_change_that_names_only_other_versions_is_refused_with_the_current_one(at_three, tags):
    response = adjust(at_three, tags)

    assert (response.status_code, response.json["error"]) == (409, "version_conflict")
    assert (response.json["currentVersion"], response.headers["ETag"]) == (3, '"3"')
    assert at_three.get(RECORD).json["version"] == 3


@pytest.mark.parametrize("tags", MALFORMED)
def test_a_malformed_if_match_is_named(at_three, tags):
    response = adjust(at_three, tags)

    assert (response.status_code, wrong_fields(response)) == (400, ["If-Match"])


def test_several_headers_are_one_list(at_three):
    response = at_three.post(ADJUST, json={"delta": 1}, headers=[("If-Match", '"1"'), ("If-Match", '"3"')])

    assert response.status_code == 200


def test_the_expected_version_of_the_body_counts_as_well(at_three):
    assert adjust(at_three, expected=2).json["currentVersion"] == 3
    assert adjust(at_three, expected=3).status_code == 200


@pytest.mark.parametrize(
    ("tags", "expected", "status"),
    [('"3"', 3, 200), ("*", 3, 200), ('"3"', 2, 409), ('"2"', 3, 409), ("*", 2, 409), ('"2", "3"', 3, 200)],
)
def test_header_and_body_must_both_hold(at_three, tags, expected, status):
    assert adjust(at_three, tags, expected).status_code == status


@pytest.mark.parametrize("path", [ADJUST, RESERVE])
def test_any_if_match_on_a_missing_record_is_not_found(client, path):
    body = {"delta": 1} if path == ADJUST else {"qty": 1}

    assert client.post(path, json=body, headers={"If-Match": "*"}).status_code == 404
    assert client.put(RECORD, json={"onHand": 1}, headers={"If-Match": '"1"'}).status_code == 404


def test_a_put_is_guarded_by_if_match(at_three):
    assert at_three.put(RECORD, json={"onHand": 1}, headers={"If-Match": '"2"'}).status_code == 409
    assert at_three.put(RECORD, json={"onHand": 1}, headers={"If-Match": '"3"'}).status_code == 200


def test_a_put_that_may_only_create_creates(client):
    assert client.put(RECORD, json={"onHand": 1}, headers={"If-None-Match": "*"}).status_code == 201


def test_a_put_that_may_only_create_fails_where_a_record_is(at_three):
    response = at_three.put(RECORD, json={"onHand": 1}, headers={"If-None-Match": "*"})

    assert (response.status_code, response.json["error"]) == (412, "precondition_failed")
    assert (response.json["currentVersion"], response.headers["ETag"]) == (3, '"3"')


@pytest.mark.parametrize("headers", [{"If-None-Match": '"3"'}, {"If-None-Match": "*", "If-Match": '"3"'}])
def test_a_change_can_only_ask_for_no_record_at_all(at_three, headers):
    response = at_three.put(RECORD, json={"onHand": 1}, headers=headers)

    assert (response.status_code, wrong_fields(response)) == (400, ["If-None-Match"])


@pytest.mark.parametrize("tags", ['"3"', "3", 'W/"3"', "*", '"1", W/"3"', '"1","3"'])
def test_a_reader_that_has_the_version_is_sent_no_body(at_three, tags):
    response = at_three.get(RECORD, headers={"If-None-Match": tags})

    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", '"3"')
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("tags", ['"2"', 'W/"2"', '"x"', '"1", "2"'])
def test_a_reader_that_has_another_version_is_sent_this_one(at_three, tags):
    assert at_three.get(RECORD, headers={"If-None-Match": tags}).json["version"] == 3


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tags", MALFORMED)
def test_a_malformed_condition_of_a_read_is_named(at_three, name, tags):
    response = at_three.get(RECORD, headers={name: tags})

    assert (response.status_code, wrong_fields(response)) == (400, [name])


def test_a_read_that_insists_on_another_version_is_told_the_current_one(at_three):
    response = at_three.get(RECORD, headers={"If-Match": '"2"', "If-None-Match": '"3"'})

    assert (response.status_code, response.json["currentVersion"]) == (409, 3)


def test_a_condition_on_a_missing_record_is_not_found(client):
    assert client.get(RECORD, headers={"If-None-Match": "*"}).status_code == 404
