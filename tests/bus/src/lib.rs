//! Real clients and servers of oslo.messaging, oldest and newest supported release, with ours: on RabbitMQ 3 and 4, under
//! each set of options that deployments have.

pub mod brokers;
pub mod certificates;
pub mod options;
pub mod python;
pub mod server;
