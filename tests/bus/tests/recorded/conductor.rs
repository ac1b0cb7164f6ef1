//! Our conductor with a real broker and Magnum's real schema; Keystone and the management cluster are away.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};
use stack::home::Home;
use stack::magnum::{ConductorKind, Place, start_conductor};
use stack::magnum_conf::{Chart, MagnumConf, RabbitOptions};
use stack::mariadb::MariaDb;
use stack::process::Process;
use stack::rabbitmq::RabbitMq;
use stack::seed::{MAGNUM_DATABASE, Seed};
use stack::{packages, ports, programs, python};
use tokio::sync::Mutex;

use crate::recording::{Exchange, Reply, decoded};
use crate::rows::Row;

const TOPIC: &str = "magnum-conductor";
const PATIENCE: Duration = Duration::from_secs(30);
const TABLES: [&str; 9] = [
    "cluster",
    "cluster_template",
    "nodegroup",
    "quotas",
    "magnum_service",
    "x509keypair",
    "capi_operation",
    "capi_lease",
    "capi_credential",
];

pub(crate) struct Conductor {
    channel: Channel,
    _connection: Connection,
    consumers: Mutex<BTreeMap<String, Consumer>>,
    columns: BTreeMap<String, Vec<String>>,
    server_queue: String,
    _process: Process,
    database: MariaDb,
    _broker: RabbitMq,
    _home: Home,
}

impl Conductor {
    pub(crate) async fn start() -> Self {
        packages::ensure(&packages::PACKAGES).await.unwrap();
        let environments = python::environments().await.unwrap();
        let seed = Seed::get(&environments).await.unwrap();
        let home = Home::temporary().unwrap();
        let data = seed.data();
        let (broker, database) =
            tokio::try_join!(RabbitMq::start(&home), MariaDb::start(&home, Some(&data))).unwrap();
        let [nobody, api_port] = ports::free_many().unwrap();
        let folder = home.folder("magnum").unwrap();
        let path = MagnumConf {
            folder: &folder,
            transport_url: &broker.transport_url(),
            database_port: database.port(),
            keystone_port: nobody,
            api_port,
            paste: &folder,
            kubeconfig: &folder.join("kubeconfig"),
            rabbit: RabbitOptions::Default,
            chart: &Chart::Builtin,
            // Its own row in magnum_service would stand among the recorded ones.
            extra: "[DEFAULT]\nperiodic_enable = false\n",
        }
        .write()
        .unwrap();
        let program = programs::ours("magnum-conductor").unwrap();
        let place = Place {
            home: &home,
            environment: &environments.magnum,
            configs: &[&path],
            rabbit: &broker.client(),
        };
        let process = start_conductor("conductor", &ConductorKind::Rust(program), (TOPIC, 0), &place)
            .await
            .unwrap()
            .unwrap();
        let queues = broker.ctl(&["list_queues", "name"]).await.unwrap();
        let server_queue = queues
            .lines()
            .find(|name| name.starts_with("magnum-conductor."))
            .expect("the server's own queue")
            .to_owned();
        let url = broker.client().amqp_url();
        let connection = Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let columns = columns(&database).await;
        Self {
            channel,
            _connection: connection,
            consumers: Mutex::default(),
            columns,
            server_queue,
            _process: process,
            database,
            _broker: broker,
            _home: home,
        }
    }

    /// Makes these the only rows.
    pub(crate) async fn prepare(&self, rows: &[Row]) {
        let database = MAGNUM_DATABASE.0;
        let mut sql = format!("USE {database}; SET FOREIGN_KEY_CHECKS = 0;");
        for table in TABLES.iter().filter(|table| self.columns.contains_key(**table)) {
            let _ = write!(sql, "DELETE FROM `{table}`;");
        }
        for row in rows {
            let columns = &self.columns[row.table];
            let fields = row.fields.iter().filter(|(name, _)| columns.contains(name));
            let (names, values): (Vec<String>, Vec<String>) = fields
                .map(|(name, value)| (format!("`{name}`"), literal(value)))
                .unzip();
            let _ = write!(
                sql,
                "INSERT INTO `{}` ({}) VALUES ({});",
                row.table,
                names.join(","),
                values.join(",")
            );
        }
        self.database.execute(&sql).await.unwrap();
    }

    /// Sends a request, and waits for the reply that ends it.
    pub(crate) async fn call(&self, exchange: &Exchange) -> Option<Reply> {
        self.send(exchange).await;
        loop {
            let reply = self.next_reply(exchange).await?;
            if decoded(&reply.payload)["ending"] == true {
                return Some(reply);
            }
        }
    }

    /// The next message on the exchange's reply queue.
    pub(crate) async fn next_reply(&self, exchange: &Exchange) -> Option<Reply> {
        let request = decoded(&exchange.payload);
        let mut consumers = self.consumers.lock().await;
        let consumer = consumers.get_mut(request["_reply_q"].as_str()?)?;
        let wanted = &request["_msg_id"];
        let wait = async {
            while let Some(delivery) = consumer.next().await {
                let delivery = delivery.unwrap();
                let payload = String::from_utf8(delivery.data).unwrap();
                if decoded(&payload)["_msg_id"] == *wanted {
                    return Some(Reply {
                        properties: properties(&delivery.properties),
                        payload,
                    });
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, wait).await.ok().flatten()
    }

    /// Sends a request as it was recorded.
    pub(crate) async fn send(&self, exchange: &Exchange) {
        if let Some(queue) = decoded(&exchange.payload)["_reply_q"].as_str() {
            let mut consumers = self.consumers.lock().await;
            if !consumers.contains_key(queue) {
                consumers.insert(queue.to_owned(), self.listen(queue).await);
            }
        }
        // The server's name is new at each start.
        let routing_key = if exchange.routing_key.starts_with("magnum-conductor.") {
            self.server_queue.as_str()
        } else {
            &exchange.routing_key
        };
        let mut properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_delivery_mode(2)
            .with_priority(0);
        if let Some(expiration) = exchange.properties["expiration"].as_str() {
            properties = properties.with_expiration(expiration.into());
        }
        let sent = self
            .channel
            .basic_publish(
                exchange.exchange.clone().into(),
                routing_key.into(),
                BasicPublishOptions::default(),
                exchange.payload.as_bytes(),
                properties,
            )
            .await;
        sent.unwrap().await.unwrap();
    }

    async fn listen(&self, queue: &str) -> Consumer {
        let options = QueueDeclareOptions {
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let declared = self
            .channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        declared.unwrap();
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        self.channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .unwrap()
    }
}

async fn columns(database: &MariaDb) -> BTreeMap<String, Vec<String>> {
    let query = format!(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{}'",
        MAGNUM_DATABASE.0
    );
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in database.client().rows(&query).await.unwrap() {
        if let [Some(table), Some(column)] = row.as_slice() {
            columns.entry(table.clone()).or_default().push(column.clone());
        }
    }
    columns
}

/// A value as SQL: times without their letters, lists and maps as the JSON that Magnum keeps in text columns.
fn literal(value: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => "0".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let bytes = text.as_bytes();
            let time = bytes.len() == 20 && bytes[10] == b'T' && bytes[19] == b'Z';
            quoted(&if time {
                text.replace('T', " ").replace('Z', "")
            } else {
                text.clone()
            })
        }
        other => quoted(&other.to_string()),
    }
}

/// As the recording has them.
fn properties(properties: &BasicProperties) -> Value {
    let mut all = json!({
        "priority": properties.priority(),
        "delivery_mode": properties.delivery_mode(),
        "content_encoding": properties.content_encoding().as_ref().map(|text| text.as_str()),
        "content_type": properties.content_type().as_ref().map(|text| text.as_str()),
    });
    if let Some(expiration) = properties.expiration() {
        all["expiration"] = expiration.as_str().into();
    }
    if let Some(headers) = properties.headers().as_ref().filter(|h| !h.inner().is_empty()) {
        all["headers"] = format!("{headers:?}").into();
    }
    all
}
