"""The same with the client that openapi-generator makes for Python; prints what it saw as JSON.

Usage: with_openapi_generator.py URL, with the package inventory_client on the path.
"""

import json
import sys

import inventory_client as api
from inventory_client.exceptions import ApiException

TEA = ("store-1", "tea")


def shop(client):
    """Sell, hold, commit, transfer, and what each step answered."""
    records, reservations = api.RecordsApi(client), api.ReservationsApi(client)
    counted = records.count_stock(*TEA, api.Count(onHand=10), if_none_match="*")
    sold = records.adjust_stock(*TEA, api.Adjust(delta=-2), idempotency_key="sale-1", if_match='"1"')
    reserved = records.reserve_stock(*TEA, api.Reserve(qty=1, ttlMs=60_000))
    line = api.HoldLine(storeId=TEA[0], sku=TEA[1], qty=3)
    held = reservations.hold_stock(api.Hold(lines=[line], reference="order-7"))
    committed = reservations.commit_reservation(held.reservation_id, part=api.Part())
    order = api.TransferOrder(**{"from": "store-1"}, to="store-2", lines=[api.TransferLine(sku="tea", qty=2)])
    moved = api.TransfersApi(client).transfer_stock(order)
    before = records.read_record(*TEA, as_of=counted.updated_at)
    return {
        "counted": [counted.on_hand, counted.version],
        "sold": [sold.qty, sold.version],
        "reserved": [bool(reserved.reservation_id), reserved.expires_at > reserved.updated_at],
        "held": [held.state, [line.qty for line in held.lines], held.expires_at, held.reference],
        "committed": [committed.state, [line.committed for line in committed.lines]],
        "asOf": [before.on_hand, before.version],
        "moved": [[record.store_id, record.qty] for record in moved.records],
    }, held.reservation_id


def refused(call, *arguments, **more):
    """The problem that a call is refused with."""
    try:
        answer = call(*arguments, **more)
    except ApiException as error:
        return getattr(error.data, "actual_instance", error.data)
    raise AssertionError(f"not refused: {answer}")


def refusals(client, reservation_id):
    """What each kind of refusal says, told apart by its type."""
    records = api.RecordsApi(client)
    short = refused(records.adjust_stock, *TEA, api.Adjust(delta=-1000))
    moved = refused(records.adjust_stock, *TEA, api.Adjust(delta=-1), if_match='"1"')
    reused = refused(records.adjust_stock, *TEA, api.Adjust(delta=-3), idempotency_key="sale-1")
    ended = refused(api.ReservationsApi(client).release_reservation, reservation_id, part=api.Part())
    wrong = refused(records.adjust_stock, *TEA, api.Adjust(delta=0))
    missing = refused(records.read_record, "store-1", "coffee")
    kinds = (
        api.InsufficientStockProblem,
        api.VersionConflictProblem,
        api.IdempotencyConflictProblem,
        api.WrongStateProblem,
        api.BadRequestProblem,
        api.NotFoundProblem,
    )
    answers = (short, moved, reused, ended, wrong, missing)
    assert [type(answer) for answer in answers] == list(kinds), answers
    return {
        "refused": [[answer.error, answer.status] for answer in answers],
        "short": [[line.sku, line.available] for line in short.lines],
        "currentVersion": moved.current_version,
        "key": reused.key,
        "ended": ended.state,
        "wrong": [problem.var_field for problem in wrong.errors],
    }


def batch(client):
    """One operation that is done, and one that is refused."""
    operations = [
        api.BatchOperation(api.AdjustOperation(op="adjust", storeId=TEA[0], sku=TEA[1], delta=delta))
        for delta in (-1, -99)
    ]
    answer = api.RecordsApi(client).change_many(api.Batch(atomic=False, operations=operations))
    done, short = (result.actual_instance for result in answer.results)
    return {"batch": [done.status, done.record.qty, short.status, short.error, short.available]}


def followed(client):
    """The types of all events, two a page; the versions of a record, latest first; the states of reservations."""
    feed = api.FeedApi(client)
    types, after = [], "0"
    while (page := feed.follow_events(after=after, limit=2)).items:
        types += [event.type for event in page.items]
        after = page.next_cursor
    versions, cursor = [], None
    while True:
        steps = feed.list_history(*TEA, limit=4, cursor=cursor)
        versions += [step.version for step in steps.items]
        cursor = steps.next_cursor
        if cursor is None:
            break
    listed = api.ReservationsApi(client).list_reservations()
    return {"types": types, "versions": versions, "reservations": [one.state for one in listed.items]}


def main(url):
    """All of it."""
    with api.ApiClient(api.Configuration(host=url)) as client:
        steps, reservation_id = shop(client)
        print(json.dumps({**steps, **refusals(client, reservation_id), **batch(client), **followed(client)}))


if __name__ == "__main__":
    main(sys.argv[1])
