import logging
import threading
from collections.abc import Iterator

import pytest
from support.apps import make_services
from trade.service import Service
from werkzeug.serving import make_server

from inventory.web.app import create_app


@pytest.fixture
def service() -> Iterator[Service]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, create_app(make_services()), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Service(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
