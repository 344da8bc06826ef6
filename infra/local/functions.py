"""The functions that app.py declares, called as Lambda calls them."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from chalice.app import (
    Chalice,
    DynamoDBEventConfig,
    ScheduledEventConfig,
    ScheduleExpression,
    SQSEventConfig,
)
from chalice.local import LambdaContext

from infra.local.tools import CannotRun

_LONGEST_MS: Final = 900_000
_MEMORY_MB: Final = 512


def load(project: Path) -> Chalice:
    """Import `app` from a project's app.py and let many threads use it at once.

    The environment must be complete before: settings are read at import.

    Raises CannotRun if there is no app.py or it declares a trigger that cannot be fed here.
    """
    if not (project / "app.py").exists():
        raise CannotRun(f"{project / 'app.py'} is missing: there is nothing to run.")
    sys.path.insert(0, str(project))
    app: Chalice = importlib.import_module("app").app
    fed = (ScheduledEventConfig, SQSEventConfig, DynamoDBEventConfig)
    for source in app.event_sources:
        if not isinstance(source, fed):
            raise CannotRun(
                f"app.py declares {source.name} with {type(source).__name__}, which the local"
                " platform cannot feed: it knows schedules, SQS queues and DynamoDB streams."
            )
    return one_per_thread(app)


def one_per_thread(app: Chalice) -> Chalice:
    """Return the app, changed so that many threads may call it.

    Chalice keeps the request at hand on the app, as Lambda runs one at a time. We do not.
    """
    app.__class__ = type("LocalApp", (_OnePerThread, type(app)), {})
    return app


class _OnePerThread:
    """Gives each thread its own `current_request` and `lambda_context`."""

    _own = threading.local()

    @property
    def current_request(self) -> Any:
        return getattr(self._own, "current_request", None)

    @current_request.setter
    def current_request(self, value: Any) -> None:
        self._own.current_request = value

    @property
    def lambda_context(self) -> Any:
        return getattr(self._own, "lambda_context", None)

    @lambda_context.setter
    def lambda_context(self, value: Any) -> None:
        self._own.lambda_context = value


def context(name: str) -> LambdaContext:
    """Return the context that Lambda hands to a function of this name."""
    return LambdaContext(f"lightkeeper-local-{name}", _MEMORY_MB, max_runtime_ms=_LONGEST_MS)


def invoke(app: Chalice, name: str, event: Mapping[str, Any]) -> Any:
    """Call the function that handles a trigger and return its answer; what it raises is raised."""
    handler: Callable[[Any, Any], Any] = app.handler_map[name]
    return handler(event, context(name))


def failed(answer: Any, identifiers: Iterable[str]) -> set[str]:
    """Return which records of a batch a function reports as failed (ReportBatchItemFailures).

    As on Lambda: nothing reported is success; a report that names what was not in the batch, or
    nothing at all, fails the whole batch.
    """
    everyone = set(identifiers)
    reported = (answer or {}).get("batchItemFailures") or [] if isinstance(answer, dict) else []
    named = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in reported}
    return {name for name in named if name} if named <= everyone else everyone


def schedule_of(source: ScheduledEventConfig) -> str:
    """Return the expression of a schedule, `rate(…)` or `cron(…)`."""
    expression = source.schedule_expression
    return expression.to_string() if isinstance(expression, ScheduleExpression) else expression
