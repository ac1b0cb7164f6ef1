"""magnum-api as gunicorn loads it (and as uWSGI or mod_wsgi would): no object indirection."""

import os
import sys

# Magnum reads the command line, which is gunicorn's.
sys.argv = ["magnum-api", "--config-file", os.environ["MAGNUM_CONFIG_FILE"]]

from magnum.wsgi.api import application  # noqa: E402, F401
