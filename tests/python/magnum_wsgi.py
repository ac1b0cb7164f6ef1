"""magnum-api as gunicorn loads it (and as uWSGI or mod_wsgi would): no object indirection."""

import os
import sys

# Magnum reads the command line, which is gunicorn's.
sys.argv = ["magnum-api", "--config-file", os.environ["MAGNUM_CONFIG_FILE"]]

try:
    from magnum.wsgi.api import application  # noqa: E402, F401
except ModuleNotFoundError as error:
    if error.name not in ("magnum.wsgi", "magnum.wsgi.api"):
        raise
    # Releases up to 2024.1 have a script in its place.
    from magnum.api import app
    from magnum.common import service

    service.prepare_service(sys.argv)
    application = app.load_app()
