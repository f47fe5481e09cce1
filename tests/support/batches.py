"""What tests of batches send."""

BATCH = "/inventory/batch"
KEY = {"Idempotency-Key": "lorry-7"}


def count(sku="sku-1", on_hand=10, **more) -> dict:
    return {"op": "count", "storeId": "store-1", "sku": sku, "onHand": on_hand, **more}


def adjust(delta, sku="sku-1", **more) -> dict:
    return {"op": "adjust", "storeId": "store-1", "sku": sku, "delta": delta, **more}


def reserve(qty, sku="sku-1", **more) -> dict:
    return {"op": "reserve", "storeId": "store-1", "sku": sku, "qty": qty, **more}


def send(client, *operations, atomic=False, headers=None):
    return client.post(BATCH, json={"atomic": atomic, "operations": list(operations)}, headers=headers or {})


def versions(client, *skus) -> list[int | None]:
    answers = [client.get(f"/stores/store-1/inventory/{sku}") for sku in skus]
    return [answer.json.get("version") for answer in answers]
