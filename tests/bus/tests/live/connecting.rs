//! Ways to a broker: TLS, login methods, several hosts.

use std::time::Duration;

use bus::brokers::{Broker, Brokers};
use bus::certificates::BROKER_NAME;
use oslo_config::SectionDef;
use oslo_messaging::{OsloMessagingRabbit, Transport, TransportConfig};
use stack::ports;
use stack::rabbitmq::{PASSWORD, USER};

const PATIENCE: Duration = Duration::from_secs(30);
/// For connections that must not come about.
const SHORT: Duration = Duration::from_secs(4);

async fn connects(url: &str, settings: &[(&str, &str)], patience: Duration) -> bool {
    let mut options = OsloMessagingRabbit::default();
    for (name, value) in settings {
        assert!(options.set(name, value).unwrap(), "{name}");
    }
    let config = TransportConfig::new(&url.into(), options, None).unwrap();
    let transport = Transport::connect(config).unwrap();
    let connected = transport.wait_connected(patience).await;
    transport.close(SHORT).await;
    connected
}

fn tls_url(broker: &Broker, host: &str) -> String {
    let port = broker.server.tls_port().unwrap();
    format!("rabbit://{USER}:{PASSWORD}@{host}:{port}//")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_s_certificate_is_verified() {
    let brokers = Brokers::shared().await.unwrap();
    let files = &brokers.certificates;
    let path = |path: &std::path::Path| path.display().to_string();
    let (authority, client, key) = (
        path(&files.authority),
        path(&files.client),
        path(&files.client_key),
    );
    let good = [
        ("ssl", "true"),
        ("ssl_ca_file", authority.as_str()),
        ("ssl_cert_file", &client),
        ("ssl_key_file", &key),
    ];
    let stranger = path(&files.stranger);
    for broker in &brokers.all {
        let (by_name, by_address) = (tls_url(broker, BROKER_NAME), tls_url(broker, "127.0.0.1"));
        for (what, url, options, expected) in [
            ("everything right", &by_name, vec![], true),
            ("only TLS 1.2", &by_name, vec![("ssl_version", "TLSv1_2")], true),
            ("a name that the certificate lacks", &by_address, vec![], false),
            (
                "the same without the check",
                &by_address,
                vec![("ssl_enforce_hostname_verification", "false")],
                true,
            ),
            (
                "another authority",
                &by_name,
                vec![("ssl_ca_file", stranger.as_str())],
                false,
            ),
            (
                "another authority, without the check of the name",
                &by_address,
                vec![
                    ("ssl_ca_file", stranger.as_str()),
                    ("ssl_enforce_hostname_verification", "false"),
                ],
                false,
            ),
            (
                "no certificate of ours",
                &by_name,
                vec![("ssl_cert_file", ""), ("ssl_key_file", "")],
                false,
            ),
        ] {
            let settings: Vec<(&str, &str)> = good.iter().copied().chain(options).collect();
            let patience = if expected { PATIENCE } else { SHORT };
            let connected = connects(url, &settings, patience).await;
            assert_eq!(connected, expected, "{}: {what}", broker.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login_method_logs_in() {
    let brokers = Brokers::shared().await.unwrap();
    let files = &brokers.certificates;
    let path = |path: &std::path::Path| path.display().to_string();
    for broker in &brokers.all {
        for method in ["PLAIN", "AMQPLAIN", "EXTERNAL", "RABBIT-CR-DEMO"] {
            let settings = [
                ("ssl", "true"),
                ("ssl_ca_file", &path(&files.authority)),
                ("ssl_cert_file", &path(&files.client)),
                ("ssl_key_file", &path(&files.client_key)),
                ("rabbit_login_method", method),
            ];
            let connected = connects(&tls_url(broker, BROKER_NAME), &settings, PATIENCE).await;
            assert!(connected, "{}: {method}", broker.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_passed_over() {
    let brokers = Brokers::shared().await.unwrap();
    let [dead] = ports::free_many().unwrap();
    for broker in &brokers.all {
        let url = format!(
            "rabbit://{USER}:{PASSWORD}@127.0.0.1:{dead},{USER}:{PASSWORD}@127.0.0.1:{}//",
            broker.server.port()
        );
        for strategy in ["round-robin", "shuffle"] {
            let settings = [("kombu_failover_strategy", strategy)];
            assert!(
                connects(&url, &settings, PATIENCE).await,
                "{}: {strategy}",
                broker.name
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_and_unknown_virtual_hosts_are_waited_for() {
    let brokers = Brokers::shared().await.unwrap();
    for broker in &brokers.all {
        let port = broker.server.port();
        for url in [
            format!("rabbit://{USER}:wrong@127.0.0.1:{port}//"),
            format!("rabbit://{USER}:{PASSWORD}@127.0.0.1:{port}/nowhere"),
        ] {
            assert!(!connects(&url, &[], SHORT).await, "{}", broker.name);
        }
    }
}
