//! Against a real RabbitMQ: set `AMQP_URL` to a transport URL (`rabbit://user:password@127.0.0.1:5672//`). Every test
//! uses names of its own. Connections run through a proxy that tests can cut.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod bus;
mod failures;
mod messages;
mod proxy;
mod queues;
