"""Prints the options of this environment's Magnum, of its Cluster API driver, and of the libraries of both, as JSON:
group, option, type, default, and where it stood once."""

import json
import sys

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_config import generator

import magnum.common.keystone  # noqa: F401
import magnum.conf  # noqa: F401
import magnum_capi_helm.conf  # noqa: F401

LIBRARIES = [
    "keystonemiddleware.auth_token",
    "oslo.concurrency",
    "oslo.db",
    "oslo.log",
    "oslo.messaging",
    "oslo.service.service",
]
# What depends on the machine it is asked on.
LOCAL = {"host", "state_path", "pybasedir", "bindir", "tempdir"}

found = {}


def add(group, option):
    default = option.default
    if getattr(option, "sample_default", None) is not None:
        default = option.sample_default
    if option.dest in LOCAL:
        default = None
    try:
        json.dumps(default)
    except TypeError:
        default = str(default)
    once = sorted(
        "%s.%s" % (old.group or group, (old.name or option.dest).replace("-", "_")) for old in option.deprecated_opts
    )
    entry = {"default": default, "type": type(option).__name__}
    if once:
        entry["once"] = once
    found.setdefault(group, {})[option.dest] = entry


for name, option in cfg.CONF._opts.items():
    add("DEFAULT", option["opt"])
for name, group in cfg.CONF._groups.items():
    for option in group._opts.values():
        add(name, option["opt"])
for _, options in generator._list_opts(LIBRARIES):
    for group, listed in options:
        for option in listed:
            add(getattr(group, "name", group) or "DEFAULT", option)
for plugin in ("password", "v3password", "v3applicationcredential", "v3token"):
    for option in loading.get_auth_plugin_conf_options(plugin):
        for group in ("keystone_auth", "keystone_authtoken"):
            add(group, option)

# Command-line switches are no options of a file.
for name in ("config_file", "config_dir", "config_source", "shell_completion"):
    found.get("DEFAULT", {}).pop(name, None)
# One option to a line, so that a change is seen.
groups = []
for group, options in sorted(found.items()):
    lines = ["  %s: %s" % (json.dumps(name), json.dumps(entry, sort_keys=True)) for name, entry in sorted(options.items())]
    groups.append("%s: {\n%s\n}" % (json.dumps(group), ",\n".join(lines)))
sys.stdout.write("{\n%s\n}\n" % ",\n".join(groups))
