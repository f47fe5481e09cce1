"""A shop's first minutes with the client that openapi-python-client makes; prints what it saw as JSON.

Usage: with_openapi_python_client.py URL, with the package inventory_client on the path.
"""

import json
import sys

from inventory_client import Client, models
from inventory_client.api.feed import follow_events, list_history
from inventory_client.api.records import adjust_stock, change_many, count_stock, read_record, reserve_stock
from inventory_client.api.reservations import commit_reservation, hold_stock, list_reservations, release_reservation
from inventory_client.api.transfers import transfer_stock

TEA = ("store-1", "tea")


def shop(client):
    """Sell, hold, commit, transfer, and what each step answered."""
    counted = count_stock.sync(*TEA, client=client, body=models.Count(on_hand=10), if_none_match=models.AnyVersion.ANY)
    sold = adjust_stock.sync(
        *TEA, client=client, body=models.Adjust(delta=-2), idempotency_key="sale-1", if_match='"1"'
    )
    reserved = reserve_stock.sync(*TEA, client=client, body=models.Reserve(qty=1, ttl_ms=60_000))
    line = models.HoldLine(store_id=TEA[0], sku=TEA[1], qty=3)
    held = hold_stock.sync(client=client, body=models.Hold(lines=[line], reference="order-7"))
    committed = commit_reservation.sync(held.reservation_id, client=client, body=models.Part())
    order = models.TransferOrder(from_="store-1", to="store-2", lines=[models.TransferLine(sku="tea", qty=2)])
    moved = transfer_stock.sync(client=client, body=order)
    before = read_record.sync(*TEA, client=client, as_of=counted.updated_at)
    return {
        "counted": [counted.on_hand, counted.version],
        "sold": [sold.qty, sold.version],
        "reserved": [bool(reserved.reservation_id), reserved.expires_at > reserved.updated_at],
        "held": [held.state, [line.qty for line in held.lines], held.expires_at, held.reference],
        "committed": [committed.state, [line.committed for line in committed.lines]],
        "asOf": [before.on_hand, before.version],
        "moved": [[record.store_id, record.qty] for record in moved.records],
    }, held.reservation_id


def refusals(client, reservation_id):
    """What each kind of refusal says, told apart by its type."""

    def adjusted(delta, **more):
        return adjust_stock.sync(*TEA, client=client, body=models.Adjust(delta=delta), **more)

    short, moved, reused = adjusted(-1000), adjusted(-1, if_match='"1"'), adjusted(-3, idempotency_key="sale-1")
    ended = release_reservation.sync(reservation_id, client=client, body=models.Part())
    wrong = adjusted(0)
    missing = read_record.sync("store-1", "coffee", client=client)
    kinds = (
        models.InsufficientStockProblem,
        models.VersionConflictProblem,
        models.IdempotencyConflictProblem,
        models.WrongStateProblem,
        models.BadRequestProblem,
        models.NotFoundProblem,
    )
    answers = (short, moved, reused, ended, wrong, missing)
    assert [type(answer) for answer in answers] == list(kinds), answers
    return {
        "refused": [[answer.error, answer.status] for answer in answers],
        "short": [[line.sku, line.available] for line in short.lines],
        "currentVersion": moved.current_version,
        "key": reused.key,
        "ended": ended.state,
        "wrong": [problem.field for problem in wrong.errors],
    }


def batch(client):
    """One operation that is done, and one that is refused."""
    operations = [models.AdjustOperation(models.AdjustOperationOp.ADJUST, *TEA, delta) for delta in (-1, -99)]
    done, refused = change_many.sync(client=client, body=models.Batch(atomic=False, operations=operations)).results
    return {"batch": [done.status, done.record.qty, refused.status, refused.error, refused.available]}


def followed(client):
    """The types of all events, two a page; the versions of a record, latest first; the states of reservations."""
    types, after = [], "0"
    while (page := follow_events.sync(client=client, after=after, limit=2)).items:
        types += [event.type_ for event in page.items]
        after = page.next_cursor
    versions, more = [], {}
    while True:
        steps = list_history.sync(*TEA, client=client, limit=4, **more)
        versions += [step.version for step in steps.items]
        if steps.next_cursor is None:
            break
        more = {"cursor": steps.next_cursor}
    listed = list_reservations.sync(client=client)
    return {"types": types, "versions": versions, "reservations": [one.state for one in listed.items]}


def main(url):
    """All of it."""
    client = Client(base_url=url, raise_on_unexpected_status=True)
    steps, reservation_id = shop(client)
    print(json.dumps({**steps, **refusals(client, reservation_id), **batch(client), **followed(client)}))


if __name__ == "__main__":
    main(sys.argv[1])
