//! A server to try clients against: `AMQP_URL=rabbit://… cargo run -p oslo-messaging --example echo [option=value …]`.
//!
//! Serves `ping_conductor`, `echo`, `slow` and `fail` on topic `magnum-conductor` of exchange `magnum`. Options are those
//! of `[oslo_messaging_rabbit]`. Ends with the end of its input.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oslo_config::SectionDef;
use oslo_messaging::{
    Endpoint, Incoming, Limits, Notifier, OsloMessagingNotifications, OsloMessagingRabbit, Priority,
    RemoteError, Target, Transport, TransportConfig,
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

struct Echo {
    notifier: Notifier,
}

#[async_trait]
impl Endpoint for Echo {
    async fn dispatch(&self, incoming: Incoming) {
        incoming.ack().await;
        let result = match incoming.method.as_str() {
            "ping_conductor" => match incoming.args.keys().next() {
                None => Ok(Value::Bool(true)),
                Some(key) => Err(RemoteError::type_error(format!(
                    "Handler.ping_conductor() got an unexpected keyword argument '{key}'"
                ))),
            },
            "echo" => Ok(incoming.args.get("message").cloned().unwrap_or_default()),
            "slow" => {
                let seconds = incoming
                    .args
                    .get("seconds")
                    .and_then(Value::as_f64)
                    .unwrap_or(1.0);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                Ok("done".into())
            }
            "notify" => {
                let payload = json!({"text": "ü"});
                self.notifier
                    .emit(&incoming.context, Priority::Info, "magnum.test", payload);
                Ok(Value::Null)
            }
            "fail" => Err(RemoteError {
                kwargs: json!({"code": 400}).as_object().cloned().unwrap_or_default(),
                ..RemoteError::new("NotSupported", "magnum.common.exception", "Not supported.")
            }),
            other => Err(RemoteError::no_such_method(other)),
        };
        incoming.reply(result).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let url =
        std::env::var("AMQP_URL").unwrap_or_else(|_| "rabbit://guest:guest@127.0.0.1:5672//".to_owned());
    let mut options = OsloMessagingRabbit::default();
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').ok_or("arguments are option=value")?;
        if !options.set(name, value)? {
            return Err(format!("no option {name}").into());
        }
    }
    let transport = Transport::connect(TransportConfig::new(&url.into(), options, None)?)?;
    let notifications = OsloMessagingNotifications {
        driver: oslo_config::MultiString(vec!["messagingv2".to_owned()]),
        ..OsloMessagingNotifications::default()
    };
    let notifier = Notifier::new(&transport, "magnum", &notifications, "container-infra.echo")?;
    let target = Target {
        exchange: "magnum".into(),
        topic: "magnum-conductor".into(),
        server: "abcdefghijkl".into(),
    };
    let endpoint = Arc::new(Echo {
        notifier: notifier.clone(),
    });
    let server = transport.serve(
        &target,
        endpoint,
        Limits {
            ping: true,
            ..Limits::default()
        },
    )?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    server.stop(Duration::from_secs(10)).await;
    notifier.close(Duration::from_secs(10)).await;
    transport.close(Duration::from_secs(10)).await;
    Ok(())
}
