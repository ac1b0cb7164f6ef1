"""Exchanges of a real oslo.messaging client, notification listener and server with the server of the test.

Arguments: the phase, and a JSON list of option sets; each gets a thread. Prints one JSON object per finished case:
{"set": ..., "case": ..., "got": ...} or {..., "error": ...}.
"""

import json
import os
import sys
import tempfile
import threading
import time
import traceback

from oslo_concurrency import lockutils
from oslo_config import cfg
import oslo_messaging
from oslo_messaging._metrics import client as metrics

try:
    from oslo_messaging._tracing import client as tracing
except ImportError:  # older than 18.3
    tracing = None

ALLOWED = ["bus_errors"]
# Generous, for machines that have much else to do.
PATIENCE = 120
OUTPUT = threading.Lock()


def say(**what):
    with OUTPUT:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def configuration(plan, folder):
    path = os.path.join(folder, plan["name"].replace("/", "-") + ".conf")
    with open(path, "w") as out:
        out.write("[DEFAULT]\nrpc_response_timeout = %d\n" % PATIENCE)
        out.write("control_exchange = magnum\n")
        out.write("[oslo_messaging_rabbit]\n")
        for name, value in plan["options"].items():
            out.write("%s = %s\n" % (name, value))
    conf = cfg.ConfigOpts()
    conf(["--config-file", path], project="bus")
    # The library registers these with the first configuration of a process only.
    conf.register_opts(metrics.oslo_messaging_metrics, "oslo_messaging_metrics")
    if tracing:
        conf.register_opts(tracing.oslo_messaging_tracing, "oslo_messaging_tracing")
    return conf


def outcome(error):
    """What a caller sees of an exception: its class, what it was remotely, the first line, the status."""
    return {
        "class": type(error).__name__,
        "remote": getattr(error, "exc_type", None),
        "text": str(error).split("\n")[0],
        "code": getattr(error, "code", None),
    }


def attempt(call):
    try:
        return {"result": call()}
    except Exception as error:
        return outcome(error)


class Exchanges:
    def __init__(self, plan, conf):
        self.plan, self.conf = plan, conf
        self.transport = oslo_messaging.get_rpc_transport(conf, url=plan["url"], allowed_remote_exmods=ALLOWED)
        self.target = oslo_messaging.Target(topic=plan["topic"], exchange="magnum")
        self.client = oslo_messaging.get_rpc_client(self.transport, self.target)
        self.context = {"user_id": "u\u00fc", "auth_token": "secret", "nested": {"a": [1]}}

    def call(self, method, **args):
        return self.client.call(self.context, method, **args)

    def seen(self, key):
        for _ in range(PATIENCE * 5):
            if self.client.prepare(server=self.plan["server"]).call(self.context, "seen", key=key):
                return True
            time.sleep(0.2)
        return False

    # Every method below whose name begins with case_ is a case.

    def case_call(self):
        value = {"a": [1, -2, 3.5, None, True, "\u00fc\U0001f600\n\"\\", {}], "big": 2 ** 60, "": "x"}
        return {"same": self.call("echo", value=value) == value}

    def case_context(self):
        return self.call("context")

    def case_big_body(self):
        text = "0123456789abcdef" * (self.plan["big_bytes"] // 16)
        return {"same": self.call("echo", value=text) == text}

    def case_cast(self):
        self.client.cast(self.context, "note", key="cast")
        return self.seen("cast")

    def case_fanout(self):
        self.client.prepare(fanout=True).cast(self.context, "note", key="fanout")
        return self.seen("fanout")

    def case_server(self):
        return self.client.prepare(server=self.plan["server"]).call(self.context, "echo", value=1)

    def case_version_known(self):
        return self.client.prepare(version="1.0").call(self.context, "echo", value=1)

    def case_version_above(self):
        return attempt(lambda: self.client.prepare(version="1.1").call(self.context, "echo", value=1))

    def case_version_other(self):
        return attempt(lambda: self.client.prepare(version="2.0").call(self.context, "echo", value=1))

    def case_namespace(self):
        return attempt(lambda: self.client.prepare(namespace="other").call(self.context, "echo", value=1))

    def case_no_such_method(self):
        return attempt(lambda: self.call("nothing"))

    def case_private_method(self):
        return attempt(lambda: self.call("_private"))

    def case_failures(self):
        kinds = ("builtin", "allowed", "foreign", "unknown", "silent")
        return {kind: attempt(lambda: self.call("fail", kind=kind)) for kind in kinds}

    def case_heartbeats(self):
        # Longer than the monitor's time: only heartbeats, each half of it, keep it alive on a busy machine too.
        client = self.client.prepare(timeout=PATIENCE, call_monitor_timeout=12)
        began = time.monotonic()
        try:
            return client.call(self.context, "slow", seconds=14)
        except oslo_messaging.MessagingTimeout as error:
            raise RuntimeError("given up after %.1f s" % (time.monotonic() - began)) from error

    def case_timeout(self):
        error = attempt(lambda: self.client.prepare(timeout=1).call(self.context, "slow", seconds=3))
        return error["class"]

    def case_ping(self):
        return self.call("oslo_rpc_server_ping")

    def case_many(self):
        results = []
        def work(first):
            results.extend(self.call("echo", value=first + n) == first + n for n in range(25))
        threads = [threading.Thread(target=work, args=(n * 100,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"calls": len(results), "right": all(results)}

    def case_notifications(self):
        arrived = {}
        ready = threading.Event()

        class Endpoint:
            def take(self, ctxt, publisher_id, event_type, payload, metadata):
                arrived.update(context=ctxt, publisher=publisher_id, event=event_type, payload=payload,
                               keys=sorted(metadata))
                ready.set()

            info = take

        transport = oslo_messaging.get_notification_transport(self.conf, url=self.plan["url"])
        targets = [oslo_messaging.Target(topic=self.plan["notifications"], exchange="magnum")]
        listener = oslo_messaging.get_notification_listener(transport, targets, [Endpoint()], executor="threading")
        listener.start()
        try:
            self.call("notify")
            ready.wait(PATIENCE)
        finally:
            listener.stop()
            listener.wait()
        return arrived


class Server:
    """A Python server of the topic, beside ours."""

    def __init__(self, name):
        self.name, self.keys = name, set()

    def who(self, ctxt):
        return self.name

    def note(self, ctxt, key):
        self.keys.add(key)

    def seen(self, ctxt, key):
        return key in self.keys

    def fail(self, ctxt):
        raise ValueError("from Python")

    def context(self, ctxt):
        return {"user_id": ctxt.get("user_id")}


class Beside(Exchanges):
    """Both servers consume the same queues, declared by both."""

    def __init__(self, plan, conf):
        super().__init__(plan, conf)
        target = oslo_messaging.Target(topic=plan["topic"], exchange="magnum", server="python")
        self.endpoint = Server("python")
        self.server = oslo_messaging.get_rpc_server(self.transport, target, [self.endpoint], executor="threading")
        started = threading.Thread(target=self.server.start, daemon=True)
        started.start()
        started.join(PATIENCE)
        if started.is_alive():
            raise RuntimeError("the server could not declare its queues")

    def cases(self):
        yield "both_are_asked", self.both
        yield "each_is_reached", lambda: [self.directed(n, "who") for n in ("python", self.plan["server"])]
        yield "fanout_reaches_both", self.fanout
        yield "ours_calls_python", lambda: self.call_on_ours("relay", called="who", server="python")
        yield "ours_gets_pythons_failure", lambda: attempt(
            lambda: self.call_on_ours("relay", called="fail", server="python"))

    def directed(self, server, method, /, **args):
        return self.client.prepare(server=server).call(self.context, method, **args)

    def call_on_ours(self, method, /, **args):
        return self.directed(self.plan["server"], method, **args)

    def both(self):
        answered = set()
        for _ in range(200):
            answered.add(self.call("who"))
            if len(answered) == 2:
                break
        return sorted(answered)

    def fanout(self):
        self.client.prepare(fanout=True).cast(self.context, "note", key="both")
        for _ in range(PATIENCE * 5):
            if all(self.directed(n, "seen", key="both") for n in ("python", self.plan["server"])):
                return True
            time.sleep(0.2)
        return False

    def close(self):
        self.server.stop()
        self.server.wait()


def run(phase, plan, folder):
    def case(name, work):
        try:
            say(set=plan["name"], case=name, got=work())
        except Exception:
            say(set=plan["name"], case=name, error=traceback.format_exc()[-1500:])

    def work():
        conf = configuration(plan, folder)
        if phase == "client":
            exchanges = Exchanges(plan, conf)
            # Last, when the others are quiet: the client gives up if it does not get to read them.
            names = [name for name in dir(exchanges) if name.startswith("case_")]
            for name in sorted(names, key=lambda name: name == "case_heartbeats"):
                case(name[5:], getattr(exchanges, name))
        else:
            beside = Beside(plan, conf)
            for name, work in beside.cases():
                case(name, work)
            beside.close()
        return True

    case("finished", work)


def main():
    phase, plans = sys.argv[1], json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        # The queue manager locks its counter there.
        lockutils.set_defaults(folder)
        threads = [threading.Thread(target=run, args=(phase, plan, folder)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sys.stdout.flush()
    # Connections that nobody closes would hold the process up.
    os._exit(0)


if __name__ == "__main__":
    main()
