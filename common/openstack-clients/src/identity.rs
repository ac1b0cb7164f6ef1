//! Keystone beyond tokens: application credentials and regions.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::{Call, Cloud, deleted};
use crate::error::OpenStackError;
use crate::settings::Service;

/// An application credential to be made.
#[derive(Debug, Clone)]
pub struct NewApplicationCredential {
    /// User who makes it; it acts for that user in the project of their token, with all their roles there.
    pub user_id: String,
    /// Name, unique for the user.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// An application credential.
#[derive(Debug, Clone, Deserialize)]
pub struct ApplicationCredential {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Secret; told at creation only.
    pub secret: Option<SecretString>,
    /// Project that it is good for.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Roles that it carries.
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Debug, Clone, Deserialize)]
struct Role {
    #[serde(default)]
    name: String,
}

impl ApplicationCredential {
    /// Names of the roles that it carries.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| role.name.as_str())
    }
}

#[derive(Deserialize)]
struct Root {
    application_credential: ApplicationCredential,
}

impl Cloud {
    /// Makes an application credential.
    pub async fn create_application_credential(
        &self,
        new: &NewApplicationCredential,
    ) -> Result<ApplicationCredential, OpenStackError> {
        let body = json!({"application_credential": {"name": new.name, "description": new.description}});
        let root: Root = self
            .json(Call::post(
                Service::Identity,
                &["users", &new.user_id, "application_credentials"],
                body,
            ))
            .await?;
        Ok(root.application_credential)
    }

    /// An application credential of a user; `None` if there is none.
    pub async fn application_credential(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<Option<ApplicationCredential>, OpenStackError> {
        let path = ["users", user_id, "application_credentials", id];
        match self.json::<Root>(Call::get(Service::Identity, &path)).await {
            Ok(root) => Ok(Some(root.application_credential)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All application credentials of a user; none if there is no such user.
    pub async fn application_credentials(
        &self,
        user_id: &str,
    ) -> Result<Vec<ApplicationCredential>, OpenStackError> {
        let listed = self
            .pages(
                Call::get(Service::Identity, &["users", user_id, "application_credentials"]),
                |page| page["links"]["next"].as_str().map(str::to_owned),
                |mut page| serde_json::from_value(page["application_credentials"].take()),
            )
            .await;
        match listed {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            listed => listed,
        }
    }

    /// Deletes an application credential of a user; false if there was none.
    pub async fn delete_application_credential(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<bool, OpenStackError> {
        let path = ["users", user_id, "application_credentials", id];
        deleted(self.done(Call::delete(Service::Identity, &path)).await)
    }

    /// Ids of Keystone's regions.
    pub async fn regions(&self) -> Result<Vec<String>, OpenStackError> {
        #[derive(Deserialize)]
        struct Region {
            id: String,
        }
        let regions: Vec<Region> = self
            .pages(
                Call::get(Service::Identity, &["regions"]),
                |page| page["links"]["next"].as_str().map(str::to_owned),
                |mut page| serde_json::from_value(page["regions"].take()),
            )
            .await?;
        Ok(regions.into_iter().map(|region| region.id).collect())
    }
}

/// Address of the next page in a list of links as Nova, Neutron and Cinder give it.
pub(crate) fn next_link(page: &Value, links: &str) -> Option<String> {
    let next = page[links]
        .as_array()?
        .iter()
        .find(|link| link["rel"] == "next")?;
    next["href"].as_str().map(str::to_owned)
}
