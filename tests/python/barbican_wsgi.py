"""Barbican as gunicorn loads it; the paste file is named by BARBICAN_PASTE, barbican.conf is in the home folder."""

import os

from paste import deploy

application = deploy.loadapp("config:" + os.environ["BARBICAN_PASTE"])
