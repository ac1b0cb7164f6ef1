//! Keystone's trusts, and the users that they are made out to.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::{Call, Cloud, deleted};
use crate::error::OpenStackError;
use crate::settings::Service;

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Name, unique in the domain.
    pub name: String,
    /// Password.
    pub password: SecretString,
    /// Id of the domain.
    pub domain_id: String,
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A trust to be made: the trustee acts for the trustor, in a project, with some of the trustor's roles.
#[derive(Debug, Clone)]
pub struct NewTrust {
    /// Id of the user who trusts; only they can make it.
    pub trustor_user_id: String,
    /// Id of the user who is trusted.
    pub trustee_user_id: String,
    /// Id of the project.
    pub project_id: String,
    /// Names of the roles that are delegated.
    pub roles: Vec<String>,
}

impl Cloud {
    /// Makes a user.
    pub async fn create_user(&self, new: &NewUser) -> Result<User, OpenStackError> {
        #[derive(Deserialize)]
        struct Root {
            user: User,
        }
        let body = json!({"user": {
            "name": new.name,
            "password": new.password.expose_secret(),
            "domain_id": new.domain_id,
            "enabled": true,
        }});
        let root: Root = self.json(Call::post(Service::Identity, &["users"], body)).await?;
        Ok(root.user)
    }

    /// Deletes a user; false if there was none.
    pub async fn delete_user(&self, id: &str) -> Result<bool, OpenStackError> {
        deleted(self.done(Call::delete(Service::Identity, &["users", id])).await)
    }

    /// Makes a trust that impersonates the trustor and cannot be handed on; gives its id.
    pub async fn create_trust(&self, new: &NewTrust) -> Result<String, OpenStackError> {
        #[derive(Deserialize)]
        struct Root {
            trust: Trust,
        }
        #[derive(Deserialize)]
        struct Trust {
            id: String,
        }
        let roles: Vec<Value> = new.roles.iter().map(|name| json!({"name": name})).collect();
        let body = json!({"trust": {
            "trustor_user_id": new.trustor_user_id,
            "trustee_user_id": new.trustee_user_id,
            "project_id": new.project_id,
            "impersonation": true,
            "allow_redelegation": false,
            "roles": roles,
        }});
        let root: Root = self
            .json(Call::post(Service::Identity, &["OS-TRUST", "trusts"], body))
            .await?;
        Ok(root.trust.id)
    }

    /// Deletes a trust; false if there was none.
    pub async fn delete_trust(&self, id: &str) -> Result<bool, OpenStackError> {
        deleted(
            self.done(Call::delete(Service::Identity, &["OS-TRUST", "trusts", id]))
                .await,
        )
    }
}
