//! The conductor's configuration as operators write it.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests")]

use std::path::PathBuf;

use conductor_config::{FindingKind, Settings};
use secrecy::ExposeSecret;

/// As kolla-ansible writes it, shortened; addresses and passwords made up.
const KOLLA: &str = "\
[DEFAULT]
debug = True
state_path = /var/lib/magnum
log_dir = /var/log/kolla/magnum
log_file = /var/log/kolla/magnum/magnum-conductor.log
host = 10.0.0.11
transport_url = rabbit://openstack:p%40ss@10.0.0.11:5672,openstack:p%40ss@10.0.0.12:5672//

[api]
host = 10.0.0.11

[conductor]
workers = 5

[database]
connection = mysql+pymysql://magnum:secret-password@10.0.0.10:3306/magnum
connection_recycle_time = 10
max_pool_size = 1
max_retries = -1

[certificates]
cert_manager_type = x509keypair

[cinder]
default_docker_volume_type = tripleo

[cinder_client]
region_name = RegionOne
endpoint_type = internalURL

[keystone_authtoken]
auth_version = v3
www_authenticate_uri = http://10.0.0.10:5000/v3
auth_url = http://10.0.0.10:5000
auth_type = password
password = service-password
cafile = /etc/ssl/ca.pem

[keystone_auth]
auth_url = http://10.0.0.10:5000
user_domain_name = Default
project_domain_name = Default
project_name = service
user_name = magnum
password = service-password

[trust]
trustee_domain_admin_password = trustee-password

[oslo_messaging_notifications]
transport_url = rabbit://openstack:p@10.0.0.11:5672//
driver = messagingv2
driver = log
topics = notifications,notifications_designate

[oslo_messaging_rabbit]
use_queue_manager = true
heartbeat_in_pthread = false
rabbit_quorum_queue = true
rabbit_transient_quorum_queue = true
rabbit_stream_fanout = true
rabbit_qos_prefetch_count = 50
ssl = true
ssl_ca_file = /etc/ssl/certs/ca-certificates.crt

[drivers]
disabled_drivers = k8s_cluster_api_flatcar,k8s_cluster_api_ubuntu

[capi_helm]
csi_cinder_reclaim_policy = Delete
kubconfig_file = /etc/magnum/kubeconfig
";

fn load(text: &str) -> Result<Settings, conductor_config::Error> {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("magnum.conf");
    std::fs::write(&path, text).unwrap();
    Settings::load(&[path], &[])
}

#[test]
fn kollas_file() {
    let s = load(KOLLA).unwrap();
    assert_eq!(s.host(), "10.0.0.11");
    assert!(s.default.debug);
    assert_eq!(s.default.control_exchange, "magnum");
    assert_eq!(s.conductor.workers, Some(5));
    assert_eq!(
        (
            s.database.max_pool_size,
            s.database.connection_recycle_time,
            s.database.max_retries
        ),
        (1, 10, -1)
    );
    assert_eq!(s.certificates.cert_manager_type, "x509keypair");
    assert_eq!(s.cinder_client.interface(), "internal");
    assert_eq!(s.nova_client.interface(), "public");
    assert_eq!(
        s.keystone_auth.username.as_deref(),
        Some("magnum"),
        "keystoneauth's old name"
    );
    assert_eq!(
        s.keystone_auth.cafile.as_deref(),
        Some("/etc/ssl/ca.pem"),
        "as Magnum to 22 falls back"
    );
    assert_eq!(
        s.keystone_authtoken.www_authenticate_uri.as_deref(),
        Some("http://10.0.0.10:5000/v3")
    );
    assert_eq!(
        s.keystone_authtoken_auth.password.unwrap().expose_secret(),
        "service-password"
    );
    assert_eq!(s.oslo_messaging_notifications.driver.0, ["messagingv2", "log"]);
    assert_eq!(
        s.oslo_messaging_notifications.topics,
        ["notifications", "notifications_designate"]
    );
    let rabbit = &s.oslo_messaging_rabbit;
    assert!(rabbit.use_queue_manager && rabbit.rabbit_quorum_queue && rabbit.rabbit_transient_quorum_queue);
    assert!(rabbit.rabbit_stream_fanout && rabbit.ssl && !rabbit.amqp_durable_queues);
    assert_eq!(rabbit.rabbit_qos_prefetch_count, 50);
    assert_eq!(
        s.drivers.disabled_drivers,
        ["k8s_cluster_api_flatcar", "k8s_cluster_api_ubuntu"]
    );
    assert_eq!(
        s.capi_helm_cluster_labels.csi_cinder_reclaim_policy, "Delete",
        "moved from [capi_helm]"
    );
    assert_eq!(s.capi_conductor.chart_cache_dir, "/var/lib/magnum/charts");
}

#[test]
fn misspellings_are_found() {
    let s = load(KOLLA).unwrap();
    let unknown: Vec<_> = s
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::UnknownOption)
        .map(|f| f.option.as_str())
        .collect();
    assert_eq!(unknown, ["kubconfig_file"]);
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", load(KOLLA).unwrap());
    for secret in [
        "p%40ss",
        "secret-password",
        "service-password",
        "trustee-password",
    ] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn auth_section_is_followed() {
    let s = load(
        "[keystone_auth]\nauth_section = service_user\ncafile = /own.pem\nauth_url = http://ignored\n\
         [service_user]\nauth_type = v3applicationcredential\nauth_url = http://keystone\n\
         application_credential_id = i\napplication_credential_secret = s\ncafile = /ignored.pem\n",
    )
    .unwrap();
    assert_eq!(
        s.keystone_auth.auth_type.as_deref(),
        Some("v3applicationcredential")
    );
    assert_eq!(s.keystone_auth.auth_url.as_deref(), Some("http://keystone"));
    assert_eq!(s.keystone_auth.cafile.as_deref(), Some("/own.pem"));
}

#[test]
fn values_out_of_bounds_are_refused() {
    for (text, expected) in [
        (
            "[capi_helm_cluster_labels]\netcd_blockdevice_type = disk\n",
            "must be one of volume, local",
        ),
        (
            "[oslo_messaging_rabbit]\nrabbit_interval_max = 0\n",
            "must be at least 1",
        ),
        (
            "[oslo_messaging_rabbit]\nrabbit_login_method = MD5\n",
            "must be one of PLAIN",
        ),
        (
            "[x509]\nallowed_key_usage = Signing\n",
            "must be one of Digital Signature",
        ),
        ("[conductor]\nworkers = -1\n", "[conductor]"),
    ] {
        let message = load(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text:?} gave {message:?}");
    }
}
