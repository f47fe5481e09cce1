"""Complete servers for the tests of this folder; each ends before its test does."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client import stock
from support.raw_http import PATH
from support.running_nginx import Proxy, RunningNginx
from support.running_server import RunningServer, Serve
from support.version_before import unpacked

from inventory.server.metrics_folder import make_metrics_folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole servers are slow to test: the gate does it on one interpreter."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("long") is None:
            item.add_marker(pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked ``both_worker_classes`` starts its servers with the one, and then with the other."""
    if metafunc.definition.get_closest_marker("both_worker_classes"):
        metafunc.parametrize("worker_class", ["inventory", "gthread"], scope="module")


@pytest.fixture(scope="module")
def worker_class() -> str:
    """The value of ``WORKER_CLASS`` that servers are started with."""
    return "inventory"


@pytest.fixture(scope="session", autouse=True)
def _no_metrics_left() -> Iterator[None]:
    """A killed server leaves its counters in shared memory; making a folder removes those of the dead."""
    yield
    make_metrics_folder().remove()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where the log is kept; not made yet."""
    return tmp_path / "data"


@pytest.fixture
def serve(tmp_path: Path, data_dir: Path, worker_class: str) -> Iterator[Serve]:
    """Start servers: ``serve()`` on ``data_dir``, or with other settings by their variables' names."""
    servers: list[RunningServer] = []

    def start(**given: object) -> RunningServer:
        folder = given.pop("at", data_dir)
        server = RunningServer(Path(str(folder)), tmp_path, **{"WORKER_CLASS": worker_class, **given})  # type: ignore[arg-type]
        servers.append(server)
        return server.start()

    try:
        yield start
    finally:
        for server in servers:
            server.close()
        _show_output(tmp_path)


@pytest.fixture(scope="session")
def version_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where to import the version before from; skips the test where git or the commit is missing."""
    return unpacked(tmp_path_factory.mktemp("version-before"))


@pytest.fixture
def server(serve: Serve) -> RunningServer:
    return serve()


@pytest.fixture
def two_servers(serve: Serve) -> tuple[RunningServer, RunningServer]:
    """Two servers on one folder, for tests that send every second request to the other."""
    return serve(), serve()


@pytest.fixture
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Start nginx in front of a port: ``proxy(port, {text: instead})``."""
    started: list[RunningNginx] = []

    def start(upstream: int, changes: dict[str, str] | None = None) -> RunningNginx:
        started.append(RunningNginx(tmp_path_factory.mktemp("nginx"), upstream, changes))
        return started[-1].start()

    try:
        yield start
    finally:
        for nginx in started:
            nginx.close()


@pytest.fixture(scope="module")
def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a file that leave it as healthy as it was."""
    folder = tmp_path_factory.mktemp("lasting")
    server = RunningServer(folder / "data", folder)
    try:
        yield server.start()
    finally:
        server.close()
        _show_output(folder)


def _show_output(folder: Path) -> None:
    """Print the ends of what servers wrote; pytest shows it where a test has failed."""
    for path in sorted(folder.glob("server-*")):
        lines = path.read_text(errors="replace").splitlines()
        print(f"--- {path.name}: the last of {len(lines)} lines", *lines[-40:], sep="\n", file=sys.stderr)


@pytest.fixture
def unharmed(lasting_server: RunningServer) -> Iterator[RunningServer]:
    """A server whose stock and workers must be the same after the test."""
    with lasting_server.client() as client:
        if client.get(PATH).status == 404:
            stock(client, "sku-1", 100)
        before = client.get(PATH).body
    workers = lasting_server.workers()
    yield lasting_server
    assert lasting_server.workers() == workers
    for worker in workers:
        with lasting_server.client_of(worker, timeout=10) as client:
            assert client.get("/health/readiness").status == 200
            assert client.get(PATH).body == before
