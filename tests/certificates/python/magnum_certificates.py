"""What Magnum's own conductor does with certificates, one thing to a line.

The argument is a magnum.conf. Each line of the input is a JSON object: "do" names a function below, the rest are its
arguments. The answer is a line, {"done": ...} or {"failed": the exception's class, "text": ...}.
"""

import json
import os
import sys

from cryptography import x509 as cryptography_x509
from cryptography.hazmat.primitives import serialization

from magnum.common import cert_manager as backends
from magnum.common import config
from magnum.common import context as magnum_context
from magnum.common.x509 import operations
from magnum.conductor.handlers import ca_conductor
from magnum.conductor.handlers.common import cert_manager
from magnum import objects

REFERENCES = ["ca_cert_ref", "etcd_ca_cert_ref", "front_proxy_ca_cert_ref", "magnum_cert_ref"]
TYPES = {"kubernetes": "ca", "etcd": "etcd", "front_proxy": "front_proxy"}


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def who(project="p1"):
    return magnum_context.RequestContext(user_id="u1", project_id=project, is_admin=False)


def find(uuid):
    return objects.Cluster.get_by_uuid(who(), uuid)


def references(cluster):
    return [getattr(cluster, name) for name in REFERENCES]


def create(uuid, name):
    """A cluster with certificates, as cluster_create makes them."""
    cluster = objects.Cluster(who(), uuid=uuid, name=name, project_id="p1", user_id="u1", cluster_template_id="t1",
                              status="CREATE_COMPLETE")
    cluster.create()
    return renew(uuid)


def renew(uuid):
    """New certificates, as cluster_create and rotate_ca_certificate make them."""
    cluster = find(uuid)
    cert_manager.generate_certificates_to_cluster(cluster, context=who())
    cluster.save()
    return references(cluster)


def read(uuid):
    """All four certificates with their keys in the clear; the CAs also by the request for them."""
    cluster = find(uuid)
    handler = ca_conductor.Handler()
    found = {}
    for kind, name in TYPES.items():
        shown = handler.get_ca_certificate(who(), cluster, kind).pem
        stored = cert_manager.get_cluster_ca_certificate(cluster, who(), kind)
        assert text(shown) == text(stored.get_certificate())
        found[name] = stored
    found["magnum"] = cert_manager.get_cluster_magnum_cert(cluster, who())
    return {
        name: {
            "certificate": text(stored.get_certificate()),
            "private_key": text(stored.get_private_key()),
            "clear": text(stored.get_decrypted_private_key()),
        }
        for name, stored in found.items()
    }


def sign(uuid, csr, kind):
    """A request for a signature, as it comes over the bus."""
    asked = objects.Certificate(cluster_uuid=uuid, csr=csr, ca_cert_type=kind)
    return ca_conductor.Handler().sign_certificate(who(), find(uuid), asked).pem


def delete(uuid):
    """What cluster_delete does."""
    cert_manager.delete_certificates_from_cluster(find(uuid), context=who())


def remove(reference):
    """The backend's own deletion, which raises what the above only logs."""
    backends.get_backend().CertManager.delete_cert(reference, context=who())


def store(**parts):
    return backends.get_backend().CertManager.store_cert(context=who(), **parts)


def get(reference):
    # Up to 22, Magnum tells Barbican for which resource it looks.
    stored = backends.get_backend().CertManager.get_cert(reference, resource_ref="c1", context=who())
    return {
        "certificate": text(stored.get_certificate()),
        "private_key": text(stored.get_private_key()),
        "private_key_passphrase": text(stored.get_private_key_passphrase()),
        "intermediates": text(stored.get_intermediates()),
    }


def judge(authority, certificate, key=None, csr=None):
    """By cryptography: the authority signed the certificate, and the certificate is of the key or the request."""
    load = cryptography_x509.load_pem_x509_certificate
    issued = load(certificate.encode())
    issued.verify_directly_issued_by(load(authority.encode()))
    if csr is not None:
        owner = cryptography_x509.load_pem_x509_csr(csr.encode()).public_key()
    else:
        owner = serialization.load_pem_private_key(key.encode(), password=None).public_key()
    assert issued.public_key() == owner
    return issued.subject.rfc4514_string()


def let_local_backend_write():
    """The backend writes text, and magnum 23 gives it bytes, which it cannot write."""
    def as_text(make):
        def made(*args, **kwargs):
            return {name: text(pem) for name, pem in make(*args, **kwargs).items()}
        return made

    operations.generate_ca_certificate = as_text(operations.generate_ca_certificate)
    operations.generate_client_certificate = as_text(operations.generate_client_certificate)


COMMANDS = {
    do.__name__: do for do in (create, renew, read, sign, delete, remove, store, get, judge, let_local_backend_write)
}


def main():
    # The answers are the only thing that is written there.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    config.parse_args(["magnum-conductor", "--config-file", sys.argv[1]])
    for line in sys.stdin:
        arguments = json.loads(line)
        do = COMMANDS[arguments.pop("do")]
        try:
            answer = {"done": do(**arguments)}
        except Exception as error:
            answer = {"failed": type(error).__name__, "text": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
