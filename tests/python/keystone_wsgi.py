"""Keystone as gunicorn loads it; the configuration file is named by OS_KEYSTONE_CONFIG_FILES."""

import sys

# Keystone reads the command line, which is gunicorn's.
sys.argv = ["keystone-wsgi-public"]

from keystone.server import wsgi  # noqa: E402

application = wsgi.initialize_public_application()
