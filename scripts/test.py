"""Set up tox in .venv, and run every test and check, or those that the arguments for tox name.

    python3 scripts/test.py                            everything
    python3 scripts/test.py -e py311 -- -k settings    some tests on one Python

This file is kept readable for every old Python, so that it can say which version is needed.
"""

import sys

if sys.version_info < (3, 6):
    sys.exit("Python 3.11 or newer is needed; this is %d.%d. Try: python3 scripts/test.py" % sys.version_info[:2])

import os
import shutil

import venv_setup

with venv_setup.plain_endings():
    venv_setup.require_new_python()
    venv_setup.install("tox", ["gate"])
    # Where setuptools left modules of an earlier build, it would pack those that are gone into the next wheel.
    shutil.rmtree(os.path.join(venv_setup.CHECKOUT, "build", "lib"), ignore_errors=True)
    # Those of pyenv are often not on PATH, or behind stand-ins that fail.
    os.environ.setdefault("TOX_DISCOVER", ",".join(venv_setup.pyenv_pythons()))
    os.chdir(venv_setup.CHECKOUT)
    python = venv_setup.venv_python()
    # exec: signals, and the exit status, are tox's own.
    os.execv(python, [python, "-m", "tox"] + sys.argv[1:])
