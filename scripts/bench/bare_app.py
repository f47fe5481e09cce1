"""The bare view: what Flask and gunicorn cost when nothing is parsed, logged, counted or kept."""

from flask import Flask, Response

app = Flask("bare")
_BODY = (
    b'{"storeId":"store-1","sku":"sku-1","qty":1000,"reserved":0,"onHand":1000,"version":1,"sequence":1,'
    b'"updatedAt":"1970-01-01T00:00:00.000001Z"}'
)


@app.get("/bare/<store>/<sku>")
@app.post("/bare/<store>/<sku>")
def bare(store: str, sku: str) -> Response:
    """Answer as many bytes as the service does."""
    return Response(_BODY, content_type="application/json")
