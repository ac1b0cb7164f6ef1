//! Load: one connection, so many requests under way, and the time of each.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::{Value, json};
use tokio::sync::Mutex;

const CLUSTER: &str = "c1057e40-0000-4000-8000-000000000001";
const TEMPLATE: &str = "7e3b1a7e-0000-4000-8000-000000000001";
const CERTIFICATE: &str = "ca000000-0000-4000-8000-000000000001";
const PROJECT: &str = "00000000000000000000000000000001";
/// As long as a CA of Magnum's is; neither conductor reads it.
const PEM_LINES: usize = 18;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing but the bus.
    Ping,
    /// The bus, versioned objects, and rows.
    GetCa,
}

/// How many ask at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// One.
    One,
    /// Sixty-four, magnum-conductor's default number of threads.
    Many,
}

impl Request {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ping, Self::GetCa];

    /// Its method.
    pub fn method(self) -> &'static str {
        match self {
            Self::Ping => "ping_conductor",
            Self::GetCa => "get_ca_certificate",
        }
    }

    fn args(self) -> Value {
        match self {
            Self::Ping => json!({}),
            Self::GetCa => json!({"cluster": cluster(), "ca_cert_type": null}),
        }
    }
}

impl Load {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Many];

    /// Requests under way.
    pub fn clients(self) -> usize {
        match self {
            Self::One => 1,
            Self::Many => 64,
        }
    }

    /// How many times as many calls are measured.
    pub fn share(self) -> usize {
        match self {
            Self::One => 1,
            Self::Many => 4,
        }
    }
}

/// The rows that the requests are about.
pub fn rows() -> String {
    let line = "A".repeat(64);
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\\n{}-----END CERTIFICATE-----\\n",
        format!("{line}\\n").repeat(PEM_LINES)
    );
    format!(
        "INSERT INTO magnum.cluster_template (uuid, project_id, user_id, name, image_id, coe, cluster_distro, server_type) \
         VALUES ('{TEMPLATE}', '{PROJECT}', 'user', 'bench', 'image', 'kubernetes', 'ubuntu', 'vm'); \
         INSERT INTO magnum.x509keypair (uuid, project_id, user_id, certificate, private_key, private_key_passphrase) \
         VALUES ('{CERTIFICATE}', '{PROJECT}', 'user', '{pem}', 'key', 'passphrase'); \
         INSERT INTO magnum.cluster (uuid, project_id, user_id, name, cluster_template_id, ca_cert_ref, magnum_cert_ref, \
         status, status_reason, stack_id) VALUES ('{CLUSTER}', '{PROJECT}', 'user', 'bench', '{TEMPLATE}', \
         '{CERTIFICATE}', '{CERTIFICATE}', 'CREATE_COMPLETE', NULL, 'bench-aaaaaaaaaaaa');"
    )
}

/// The cluster as magnum-api 23.0 sends it.
fn cluster() -> Value {
    let data = json!({
        "id": 1, "uuid": CLUSTER, "name": "bench", "project_id": PROJECT, "user_id": "user",
        "cluster_template_id": TEMPLATE, "keypair": null, "docker_volume_size": null, "labels": {},
        "master_flavor_id": "m1.small", "flavor_id": "m1.small", "stack_id": "bench-aaaaaaaaaaaa",
        "status": "CREATE_COMPLETE", "status_reason": null, "health_status": null, "health_status_reason": {},
        "create_timeout": 60, "api_address": "https://203.0.113.7:6443", "discovery_url": null,
        "ca_cert_ref": CERTIFICATE, "magnum_cert_ref": CERTIFICATE, "etcd_ca_cert_ref": CERTIFICATE,
        "front_proxy_ca_cert_ref": CERTIFICATE, "coe_version": null, "container_version": null,
        "fixed_network": null, "fixed_subnet": null, "floating_ip_enabled": true, "master_lb_enabled": true,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": null,
    });
    json!({"magnum_object.name": "Cluster", "magnum_object.namespace": "magnum",
        "magnum_object.version": "1.24", "magnum_object.data": data})
}

/// The times of a run.
pub struct Times {
    /// From the first request to the last reply.
    pub wall: Duration,
    sorted: Vec<Duration>,
}

impl Times {
    /// The time that the given part of the calls did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = (self.sorted.len() as f64 * part) as usize;
        self.sorted
            .get(index.min(self.sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// A connection with a reply queue.
pub struct Client {
    connection: Connection,
    channel: Channel,
    topic: String,
    reply_q: String,
    replies: Mutex<Consumer>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Those of the broker.
    pub async fn connect(url: &str, topic: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let reply_q = format!("reply_{:032x}", std::process::id());
        channel
            .queue_declare(
                reply_q.clone().into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await?;
        let no_ack = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let replies = channel
            .basic_consume(
                reply_q.clone().into(),
                "bench".into(),
                no_ack,
                FieldTable::default(),
            )
            .await?;
        Ok(Self {
            connection,
            channel,
            topic: topic.to_owned(),
            reply_q,
            replies: Mutex::new(replies),
        })
    }

    /// Makes so many calls, as many at once as the load says.
    ///
    /// # Errors
    /// A call that is answered with a failure, or not within twenty seconds.
    pub async fn run(&self, request: Request, load: Load, count: usize) -> Result<Times> {
        let mut replies = self.replies.lock().await;
        let args = request.args();
        let mut under_way: HashMap<String, Instant> = HashMap::new();
        let mut sorted = Vec::with_capacity(count);
        let mut sent = 0;
        let began = Instant::now();
        while sorted.len() < count {
            while sent < count && under_way.len() < load.clients() {
                let id = format!("{:032x}", sent);
                let body = self.body(request.method(), &args, &id);
                under_way.insert(id, Instant::now());
                self.send(&body).await?;
                sent += 1;
            }
            let delivery = tokio::time::timeout(Duration::from_secs(20), replies.next());
            let delivery = delivery
                .await
                .context("no reply")?
                .context("the connection is lost")??;
            let arrived = Instant::now();
            let envelope: Value = serde_json::from_slice(&delivery.data)?;
            let reply: Value = serde_json::from_str(envelope["oslo.message"].as_str().unwrap_or_default())?;
            ensure!(
                reply["failure"].is_null(),
                "answered with a failure: {}",
                reply["failure"]
            );
            if reply.get("method").is_none() && reply["ending"] != true {
                continue;
            }
            let id = reply["_msg_id"].as_str().unwrap_or_default();
            if let Some(since) = under_way.remove(id) {
                sorted.push(arrived - since);
            }
        }
        let wall = began.elapsed();
        sorted.sort_unstable();
        Ok(Times { wall, sorted })
    }

    fn body(&self, method: &str, args: &Value, id: &str) -> Vec<u8> {
        let unique = format!("{:032x}", rand::random::<u128>());
        let message = json!({
            "method": method, "args": args, "_msg_id": id, "_reply_q": self.reply_q, "_timeout": null,
            "_unique_id": unique, "_context_is_admin": true, "_context_all_tenants": true, "_context_roles": [],
            "_context_request_id": "req-00000000-0000-4000-8000-000000000001",
        });
        json!({"oslo.version": "2.0", "oslo.message": message.to_string()})
            .to_string()
            .into_bytes()
    }

    async fn send(&self, body: &[u8]) -> Result<()> {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_delivery_mode(2)
            .with_reply_to(self.reply_q.clone().into())
            .with_expiration("60000".into());
        self.channel
            .basic_publish(
                "magnum".into(),
                self.topic.clone().into(),
                BasicPublishOptions::default(),
                body,
                properties,
            )
            .await?;
        Ok(())
    }

    /// Leaves nothing behind.
    ///
    /// # Errors
    /// Those of the broker.
    pub async fn close(self) -> Result<()> {
        self.channel
            .queue_delete(self.reply_q.clone().into(), QueueDeleteOptions::default())
            .await?;
        self.connection.close(200, "done".into()).await?;
        Ok(())
    }
}
