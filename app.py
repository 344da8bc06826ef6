"""Wires the house and declares what wakes it: routes, schedules, queue and stream. Decides nothing.

Triggers stand here and not in a blueprint, because Chalice deploys a blueprint's trigger as that
module's own handler, which never imports this file (aws/chalice#1566).
"""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, DynamoDBEvent, Response, SQSEvent

from chalicelib import ambient, jobs, store, telemetry
from chalicelib.api import (
    admin,
    channel,
    citizen,
    desk,
    gateways,
    grid,
    issues,
    measuring,
    meta,
    outages,
    pages,
    papers,
    patrolling,
    planning,
    resources,
)

settings = ambient.settings()
store.bind(
    prefix=settings.prefix,
    endpoint=settings.dynamodb_endpoint or None,
    region=settings.region,
)

app = Chalice(app_name="lightkeeper", configure_logs=False)
for audience in (
    citizen,
    desk,
    grid,
    outages,
    issues,
    planning,
    resources,
    measuring,
    patrolling,
    channel,
    admin,
    meta,
    papers,
    pages,
):
    app.register_blueprint(audience.routes)
app.register_blueprint(meta.root)
app.register_blueprint(outages.by_key)
app.register_blueprint(issues.about)
app.register_blueprint(gateways.routes)
app.api.binary_types += [desk.XLSX, issues.DOCX]


@app.middleware("all")
def about_this_run(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Put the request's or the job's id on every line that is logged meanwhile."""
    context = getattr(event, "lambda_context", None) or getattr(event, "context", None)
    with telemetry.about(run=getattr(context, "aws_request_id", None)):
        return get_response(event)


@app.middleware("http")
def count_requests(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Say what was asked and how it ended: the route, never the path, which may name an order."""
    response = get_response(event)
    telemetry.log(
        "api.answered", route=event.path, method=event.method, status=response.status_code
    )
    return response


@app.schedule("rate(1 minute)", name="sweep")
def sweep(event: CloudWatchEvent) -> None:
    """Do what is due."""
    jobs.sweep(event.context)


@app.schedule("rate(5 minutes)", name="watchdog")
def watchdog(_event: CloudWatchEvent) -> None:
    """See that the sweep keeps up."""
    jobs.watchdog()


@app.schedule("cron(5 * * * ? *)", name="seal")
def seal(_event: CloudWatchEvent) -> None:
    """Seal the hour that is over."""
    jobs.seal()


@app.schedule("cron(10 * * * ? *)", name="spot")
def spot(event: CloudWatchEvent) -> None:
    """Put on paper what the rules find."""
    jobs.spot(event.context)


@app.schedule("cron(30 18 * * ? *)", name="forget")
def forget(event: CloudWatchEvent) -> None:
    """Forget whose term is over: at 02:30 in China."""
    jobs.forget(event.context)


@app.schedule("cron(30 19 * * ? *)", name="verify")
def verify(event: CloudWatchEvent) -> None:
    """See that the day before is as it was written: at 03:30 in China."""
    jobs.verify(event.context)


@app.on_dynamodb_record(
    # The template puts the real stream in place of this; its name tells the local platform which.
    stream_arn=f"arn:aws:dynamodb:{settings.region}:000000000000:"
    f"table/{settings.prefix}-ledger/stream/latest",
    batch_size=25,
    starting_position="TRIM_HORIZON",
    name="deliver",
)
def deliver(event: DynamoDBEvent) -> dict[str, Any]:
    """Turn what happened into effects to be made."""
    return jobs.deliver(event.to_dict())


@app.on_sqs_message(queue=f"{settings.prefix}-effects", batch_size=10, name="send")
def send(event: SQSEvent) -> dict[str, Any]:
    """Make effects happen."""
    return jobs.send(event.to_dict(), event.context)


@app.on_sqs_message(queue=f"{settings.prefix}-notices-first", batch_size=1, name="tell_first")
def tell_first(event: SQSEvent) -> dict[str, Any]:
    """Tell households of an outage who must know first."""
    return jobs.tell(event.to_dict(), event.context)


@app.on_sqs_message(queue=f"{settings.prefix}-notices", batch_size=1, name="tell")
def tell(event: SQSEvent) -> dict[str, Any]:
    """Tell the other households of an outage."""
    return jobs.tell(event.to_dict(), event.context)
