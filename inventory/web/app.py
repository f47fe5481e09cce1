"""The application factory."""

from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SessionInterface
from werkzeug.routing import MapAdapter

from inventory.web import (
    api_description,
    audit,
    batch,
    capabilities,
    central,
    dead_letters,
    events,
    health,
    metrics_view,
    policies,
    problem_types,
    problems,
    records,
    reservations,
    stores,
    sync,
    transfers,
)
from inventory.web.admission import Admission
from inventory.web.answers import Answer
from inventory.web.deferred_answer import Deferred
from inventory.web.metrics import Metrics
from inventory.web.request_body import MAX_LIST_BYTES
from inventory.web.request_limits import LargeReads, RequestLimits
from inventory.web.routing import PATH, PathAdapter, Routes
from inventory.wiring.services import Services


def create_app(services: Services) -> Flask:
    """Build an application over ``services``, with its own metrics; two applications share nothing.

    ``app.extensions["inventory"]`` is ``services``.
    """
    app = _Inventory("inventory", static_folder=None)
    app.extensions["inventory"] = services
    metrics = Metrics(
        services.stock.queue_depth,
        services.storage_figures,
        services.sync.age_ms,
        services.dead_letters.how_many_dead,
        services.quotas,
        lambda: services.ledger.status().action is not None,
        services.clock_lead.ms,
        services.backup_lag_ms,
    )
    limits = RequestLimits(services, metrics)
    metrics.follow(services.breakers, services.file_retries)
    metrics.server.follow(
        services.accepts_deferred, services.connections_cut, services.log_lines_left_out, services.writers_killed
    )
    services.stock.count_leases(metrics.count_lease)
    metrics.reads.follow(services.unsent, services.cut_answers)
    large = LargeReads(services.large_reads, services.unsent, metrics.reads.count_refused)
    app.register_blueprint(records.blueprint(services, metrics))
    app.register_blueprint(policies.blueprint(services, metrics))
    app.register_blueprint(reservations.blueprint(services, metrics, limits, large))
    app.register_blueprint(events.blueprint(services, large))
    app.register_blueprint(batch.blueprint(services, metrics, limits))
    app.register_blueprint(transfers.blueprint(services, metrics, limits))
    app.register_blueprint(stores.blueprint(services, large))
    app.register_blueprint(central.blueprint(services, large))
    app.register_blueprint(dead_letters.blueprint(services, large))
    app.register_blueprint(sync.blueprint(services))
    app.register_blueprint(audit.blueprint(services))
    app.register_blueprint(health.blueprint(services))
    app.register_blueprint(capabilities.blueprint(services))
    app.register_blueprint(metrics_view.blueprint(metrics))
    app.register_blueprint(problem_types.blueprint())
    app.register_blueprint(api_description.blueprint(large))
    problems.register(app)
    app.wsgi_app = Admission(app.wsgi_app, metrics, limits)  # type: ignore[method-assign]
    return app


class _NoSessions(SessionInterface):
    def __init__(self) -> None:
        self._none = self.null_session_class()

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        return self._none


class _Inventory(Flask):
    """Flask without what no request here needs: sessions, hosts, redirects to a canonical path."""

    session_interface = _NoSessions()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config["MAX_CONTENT_LENGTH"] = MAX_LIST_BYTES
        self._routes: Routes | None = None

    def full_dispatch_request(self) -> Answer | Deferred | Response:  # type: ignore[override]
        """Find the view and call it.

        Flask would also call functions before and after it, and send signals. Here are none: ``Admission`` does what
        surrounds a request.
        """
        try:
            found = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - Flask's own way with errors; an unhandled error is raised again
            found = self.handle_user_exception(error)
        return found if isinstance(found, Answer | Deferred) else self.make_response(found)

    def do_teardown_request(self, *_: object) -> None:
        """Do nothing: there are no functions to call at the end of a request either."""

    def do_teardown_appcontext(self, *_: object) -> None:
        """See ``do_teardown_request``."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match by the path alone, as it was sent; see ``PathAdapter``."""
        if request is None:
            return None
        # Flask accepts no further rules once the first request has arrived.
        if self._routes is None:
            self._routes = Routes(self.url_map)
        return PathAdapter(self.url_map, self._routes, request.root_path, request.environ[PATH], request.method)
