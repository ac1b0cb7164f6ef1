//! The servers that the tests and `make demo` run against, all real, all on loopback.
//!
//! Every server has its own folder, free ports of its own and a log file; several stacks run side by side.
//! A stack ends with its owner, however that ends (see [`home::Home`]), unless it was told to stay.

pub mod barbican;
pub mod beside;
pub mod cache;
pub mod cloud;
pub mod demo;
pub mod environment;
pub mod home;
pub mod identity;
pub mod keystone;
pub mod life;
pub mod lifetime;
pub mod magnum;
pub mod magnum_conf;
pub mod management_cluster;
pub mod mariadb;
pub mod newer_rabbitmq;
pub mod packages;
pub mod ports;
pub mod process;
pub mod programs;
pub mod python;
pub mod rabbitmq;
pub mod release;
pub mod seed;
pub mod servers;
pub mod sim;
pub mod stack;
pub mod watch;
