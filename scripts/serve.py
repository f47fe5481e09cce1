"""Install what the service needs into .venv, and serve. Needs Python 3.11 or newer, git and the package index.

    python3 scripts/serve.py --demo         with the seed data, if nothing is stored yet
    python3 scripts/serve.py --port 3001    whatever "inventory serve" takes

This file is kept readable for every old Python, so that it can say which version is needed.
"""

import sys

if sys.version_info < (3, 6):
    sys.exit("Python 3.11 or newer is needed; this is %d.%d. Try: python3 scripts/serve.py" % sys.version_info[:2])

import os

import venv_setup

with venv_setup.plain_endings():
    venv_setup.require_new_python()
    venv_setup.install("the service", ["build", "service"], checkout=True)
    command = os.path.join(venv_setup.VENV, "bin", "inventory")
    # exec: signals, and the exit status, are the server's own.
    # Without the demo a folder that is not there is a typing error rather than a wish.
    init = ["--init"] if "--demo" in sys.argv[1:] else []
    os.execv(command, [command, "serve"] + init + sys.argv[1:])
