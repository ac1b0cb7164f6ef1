//! A broker that has no memory left blocks whoever publishes (connection.blocked) until it has some again.

use std::time::Duration;

use bus::server::Server;
use oslo_messaging::{Notifier, OsloMessagingNotifications, OsloMessagingRabbit, Priority, TransportConfig};
use serde_json::{Map, json};
use stack::home::Home;
use stack::rabbitmq::RabbitMq;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_broker_blocks_arrives_afterwards() {
    // A broker of its own: the others go on.
    let home = Home::temporary().unwrap();
    let broker = RabbitMq::start(&home).await.unwrap();
    let url = broker.transport_url();
    let config = TransportConfig::new(&url.as_str().into(), OsloMessagingRabbit::default(), None).unwrap();
    let topics = ["blocked".to_owned()];
    let server = Server::start(config, &topics, "noop", &[]).await.unwrap();
    let options = OsloMessagingNotifications {
        driver: oslo_config::MultiString(vec!["messagingv2".into()]),
        topics: vec!["events".into()],
        ..OsloMessagingNotifications::default()
    };
    let notifier = Notifier::new(&server.transport, "magnum", &options, "container-infra.bus").unwrap();
    let emit = |n: u32| notifier.emit(&Map::new(), Priority::Info, "magnum.test", json!({"n": n}));
    emit(0);
    assert!(notifier.flush(PATIENCE).await);

    broker
        .ctl(&["set_vm_memory_high_watermark", "absolute", "1"])
        .await
        .unwrap();
    for n in 1..=20 {
        emit(n);
    }
    assert!(
        !notifier.flush(Duration::from_secs(3)).await,
        "the broker takes nothing now"
    );
    assert!(server.transport.is_connected(), "blocked is not gone");

    broker
        .ctl(&["set_vm_memory_high_watermark", "0.4"])
        .await
        .unwrap();
    assert!(notifier.flush(PATIENCE).await, "sent once the broker takes it");
    let queues = broker.ctl(&["list_queues", "name", "messages"]).await.unwrap();
    let waiting = queues.lines().find_map(|line| line.strip_prefix("events.info"));
    assert_eq!(waiting.map(str::trim), Some("21"), "each once: {queues}");
    server.stop().await;
}
