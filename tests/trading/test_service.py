"""scripts/trade/service.py: every change is sent until there is an answer, always under the same key."""

import socket
import threading

import pytest
from support.scripted_service import DROP, Reply, ScriptedService
from trade.replay import audited
from trade.service import GaveUp, Service

OVERLOADED = Reply(503, {"error": "overloaded", "message": "too many"}, (("Retry-After", "0"),))
DONE = Reply(201, {"reservationId": "r-1"})


def impatient(served: ScriptedService, patience: float = 10.0) -> Service:
    return Service(served.url, patience, pause=0.001)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(OVERLOADED, id="503"),
        pytest.param(Reply(429, {"error": "rate_limited"}), id="429"),
        pytest.param(Reply(502, b"<html>bad gateway</html>"), id="a proxy's page"),
        pytest.param(Reply(423, {"error": "lock_contended"}), id="a lease that another has, by its own status"),
        pytest.param(Reply(503, {}, (("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),)), id="a date"),
        pytest.param(DROP, id="no answer"),
    ],
)
def test_a_change_that_was_not_carried_out_is_sent_again_under_the_same_key(first):
    with ScriptedService(first, first, DONE) as served:
        service = impatient(served)
        answer = service.change("POST", "/reservations", {"lines": []})
    assert (answer, service.sent_again) == ((201, {"reservationId": "r-1"}), 2)
    assert len(served.requests) == 3
    assert len(set(served.requests)) == 1
    assert served.requests[0].key is not None


@pytest.mark.parametrize("status", [200, 400, 404, 409, 410, 500])
def test_an_answer_is_an_answer(status):
    with ScriptedService(Reply(status, {"error": "some_code"})) as served:
        answer = impatient(served).change("PUT", "/x", {})
    assert (answer.status, answer.error, len(served.requests)) == (status, "some_code", 1)


def test_a_caller_s_own_key_is_sent():
    with ScriptedService(DONE) as served:
        impatient(served).change("POST", "/x", {}, "my-key")
    assert served.requests[0].key == "my-key"


def test_two_changes_have_two_keys():
    with ScriptedService(DONE) as served:
        service = impatient(served)
        for _ in range(2):
            service.change("POST", "/x", {})
    assert len({request.key for request in served.requests}) == 2


def test_a_read_has_no_key():
    with ScriptedService(Reply()) as served:
        impatient(served).get("/x")
    assert served.requests[0].key is None


def test_a_client_that_has_waited_long_enough_gives_up_and_reports_the_last_answer():
    with ScriptedService(OVERLOADED) as served, pytest.raises(GaveUp, match="POST /x: overloaded: too many"):
        impatient(served, patience=0.05).change("POST", "/x", {})


def test_a_wait_that_would_be_too_long_is_not_begun():
    with (
        ScriptedService(Reply(503, {"error": "read_only"}, (("Retry-After", "3600"),))) as served,
        pytest.raises(GaveUp, match="read_only"),
    ):
        impatient(served).change("POST", "/x", {})
    assert len(served.requests) == 1


def test_a_stopped_client_waits_no_longer():
    with ScriptedService(Reply(503, {"error": "read_only"}, (("Retry-After", "20"),))) as served:
        service = Service(served.url, patience=60)
        timer = threading.Timer(0.05, service.stop)
        timer.start()
        with pytest.raises(GaveUp):
            service.change("POST", "/x", {})
        timer.join()
    assert len(served.requests) == 1


def test_a_page_that_is_no_json_has_its_status_as_error():
    with ScriptedService(Reply(500, b"<html>oops</html>")) as served:
        assert str(impatient(served).get("/x")) == "HTTP 500: <html>oops</html>"


def test_a_path_in_front_of_the_service_is_kept():
    with ScriptedService(Reply()) as served:
        Service(f"{served.url}/shop/").get("/stores")
    assert served.requests[0].path == "/shop/stores"


@pytest.mark.parametrize("url", ["", "127.0.0.1:3000", "ftp://127.0.0.1", "http://", "http://host:port"])
def test_what_is_no_url_is_named(url):
    with pytest.raises(ValueError, match=r"URL|Port"):
        Service(url)


def test_a_url_where_no_service_answers_is_reported_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(GaveUp, match="no service answers at"):
            Service(url).require()


@pytest.mark.parametrize("reply", [Reply(404, {"error": "not_found"}), Reply(200, b"hello"), Reply(200, ["ok"])])
def test_another_service_at_the_url_is_said_at_once(reply):
    with ScriptedService(reply) as served, pytest.raises(GaveUp, match="not this service"):
        Service(served.url).require()


def test_the_service_itself_is_found():
    with ScriptedService(Reply()) as served:
        Service(served.url).require()
    assert served.requests[0].path == "/health"


@pytest.mark.parametrize(
    ("reply", "ok", "message"),
    [
        (Reply(200, {"ok": True, "drift": []}), True, None),
        (Reply(200, {"ok": False, "drift": [{}]}), False, None),
        (Reply(404, {"error": "not_found"}), None, "this deployment has no GET /audit/verify"),
        (OVERLOADED, None, "the audit could not be had"),
        (Reply(500, b"oops"), None, "the audit could not be had"),
    ],
)
def test_an_audit_that_could_not_be_had_is_no_yes(reply, ok, message):
    with ScriptedService(reply) as served:
        found = audited(impatient(served, patience=0.05))
    assert (found["ok"], found.get("message", "")[: len(message or "")] or None) == (ok, message)
