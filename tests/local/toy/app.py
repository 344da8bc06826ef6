"""A toy with every kind of trigger, for the local platform's own tests.

A posted event goes the long way round: ledger table, stream, `deliver`, queue, `send`, notes.
"""

import json
import os
import time
from typing import Any

import botocore.session
from chalice.app import Chalice, Response

app: Any = Chalice("toy", configure_logs=False)


def _client(name: str, endpoint: str | None = None) -> Any:
    return botocore.session.get_session().create_client(name, endpoint_url=endpoint)


_environment = os.environ  # noqa: TID251 - an entry point, if a toy one
_dynamodb = _client("dynamodb", _environment["LIGHTKEEPER_DYNAMODB_ENDPOINT"])
_sqs = _client("sqs")
_queue = _environment["LIGHTKEEPER_EFFECTS_QUEUE"]
LEDGER, NOTES = "lightkeeper-toyledger", "lightkeeper-toynotes"
print("toy imported")  # noqa: T201 - a test looks where it goes


def _note(pk, **facts: object):
    item = {"pk": {"S": pk}, "kind": {"S": "note"}}
    item |= {name: {"S": str(value)} for name, value in facts.items()}
    _dynamodb.put_item(TableName=NOTES, Item=item)


@app.route("/ping")
def ping():
    return {"ping": "pong"}


@app.route("/events/{name}", methods=["POST"])
def post_event(name):
    item = {"aggregate": {"S": name}, "seq": {"N": "1"}, "raw": {"B": b"\x00\xff"}}
    _dynamodb.put_item(TableName=LEDGER, Item=item)
    return Response(body={"name": name}, status_code=201)


@app.route("/events", methods=["PUT"])
def post_many():
    wanted = app.current_request.json_body
    for name in wanted["names"]:
        _dynamodb.put_item(TableName=LEDGER, Item={"aggregate": {"S": name}, "seq": {"N": "1"}})
    return {"count": len(wanted["names"])}


@app.route("/notes/{pk}")
def get_note(pk):
    item = _dynamodb.get_item(TableName=NOTES, Key={"pk": {"S": pk}}, ConsistentRead=True)
    found = {name: value["S"] for name, value in item.get("Item", {}).items() if "S" in value}
    return Response(body=found, status_code=200 if found else 404)


@app.route("/slow/{who}")
def slow(who):
    time.sleep(0.05)
    return {"asked": who, "who": app.current_request.uri_params["who"]}


@app.route("/die")
def die():
    raise KeyError("on purpose")


@app.route("/send", methods=["POST"])
def enqueue():
    _sqs.send_message(QueueUrl=_queue, MessageBody=app.current_request.raw_body.decode())
    return {}


@app.schedule("rate(1 minute)")
def sweep(event):
    _note("sweep", time=event.time, source=event.to_dict()["source"])


@app.schedule("cron(5 * * * ? *)")
def seal(event):
    _note("seal", time=event.time)


@app.on_dynamodb_record(stream_arn=f"arn:aws:dynamodb:*:*:table/{LEDGER}/stream/*", batch_size=25)
def deliver(event):
    records = event.to_dict()["Records"]
    failures = []
    for record in records:
        json.dumps(record)  # as Lambda: nothing that JSON has not
        name = record["dynamodb"]["Keys"]["aggregate"]["S"]
        if name.startswith("poison"):
            raise ValueError(name)
        if name.startswith("flaky") and not _seen(name):
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            break  # what follows comes again with it
        _sqs.send_message(
            QueueUrl=_queue, MessageBody=json.dumps({"name": name, "kind": record["eventName"]})
        )
    return {"batchItemFailures": failures}


@app.on_sqs_message(queue="lightkeeper-effects", batch_size=10)
def send(event):
    failures = []
    for record in event.to_dict()["Records"]:
        message = json.loads(record["body"])
        if message["name"].startswith("undeliverable"):
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        count = 1 + int(_times(message["name"]))
        _note(message["name"], kind_of=message.get("kind", ""), times=count)
    return {"batchItemFailures": failures}


def _times(name):
    item = _dynamodb.get_item(TableName=NOTES, Key={"pk": {"S": name}}).get("Item", {})
    return item.get("times", {"S": "0"})["S"]


def _seen(name):
    answer = _dynamodb.update_item(
        TableName=NOTES,
        Key={"pk": {"S": f"seen-{name}"}},
        UpdateExpression="ADD times_seen :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["times_seen"]["N"]) > 1
