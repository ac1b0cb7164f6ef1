//! The calls that a conductor makes to OpenStack, with typed answers and errors.
//!
//! [`Clouds`] is made once from the configuration and keeps the connections; from it come [`Cloud`]s, one view of the
//! cloud each: the service's own, a caller's, or that of an application credential. Requests travel through the
//! `openstack` crate's `Session`. Its authentication types are not used: its token method asks Keystone for a new
//! token with a caller's token, which Keystone refuses for application credentials and wherever rescoping is switched
//! off; its password method knows no ids, default domains or trusts; and none of them renews a token that Keystone
//! has revoked. [`auth`] implements the crate's `AuthType` with what is needed.
//!
//! Calls on one `Cloud` may run side by side.

mod answer;
mod auth;
mod block_storage;
mod catalog;
mod cloud;
mod clouds;
mod compute;
mod connections;
mod error;
mod identity;
mod image;
mod key_manager;
mod network;
mod settings;
mod trust;

pub use auth::TokenInfo;
pub use catalog::Catalog;
pub use cloud::Cloud;
pub use clouds::{CallerToken, Clouds};
pub use compute::Flavor;
pub use error::OpenStackError;
pub use identity::{ApplicationCredential, NewApplicationCredential};
pub use image::Image;
pub use key_manager::{Container, reference_id};
pub use network::{Network, Subnet};
pub use settings::{
    CloudSettings, Credentials, Named, Password, Retries, Scope, Service, ServiceOptions, Tls,
};
pub use trust::{NewTrust, NewUser, User};
