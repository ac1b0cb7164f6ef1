//! `cluster_upgrade`: the cluster moves to another template.

use std::time::Duration;

use conductor_driver::validate::{Operation, Rows};
use magnum_objects::{Changes, Cluster, ClusterStatus, ClusterTemplate, Guard, Kind, MagnumError, rows};

use super::{Acceptor, Found, updating};
use crate::{
    cloud,
    gate::Wish,
    notify::Outcome,
    operation::intent::Change,
    release::Desired,
    request::{Request, RequestError},
};

/// How long Cluster API may take to judge an upgrade; the caller waits a minute for everything.
const ASK_LIMIT: Duration = Duration::from_secs(20);

/// What the command line shows of a refusal; the rest is in the error's detail and the row.
const REFUSED: &str =
    "Cluster API refuses this upgrade, for the reason that the cluster's status_reason gives";

impl Acceptor {
    /// `cluster_upgrade`. What is refused changes nothing, status included (design section 5).
    ///
    /// # Errors
    /// `NotSupported` by the gate, what validation refuses, what Cluster API's webhooks refuse in their words.
    pub async fn upgrade(
        &self,
        request: &Request,
        cluster_uuid: &str,
        template_uuid: &str,
        group_uuid: &str,
    ) -> Result<Cluster, RequestError> {
        if self.seen(request, cluster_uuid).await? {
            return Ok(self.find(cluster_uuid).await?.cluster);
        }
        let found = self.find_for(request, Wish::Upgrade, cluster_uuid).await?;
        let template = self.visible_template(request, template_uuid).await?;
        let facts = match self.viable(request, &found, &template).await {
            Ok(facts) => facts,
            Err(error) => {
                if let RequestError::Refused(error) = &error {
                    self.explain(&found.cluster, error).await?;
                    self.tell_update(request, Outcome::Pending, &found.cluster, &found.groups);
                }
                self.tell_update(request, Outcome::Failure, &found.cluster, &found.groups);
                return Err(error);
            }
        };
        let (mut tx, cluster, groups) = self.locked_for(request, Wish::Upgrade, cluster_uuid).await?;
        let schema = self.app.db.schema();
        let changes = updating().set("cluster_template_id", template.uuid.as_str());
        rows::cluster::update(&mut tx, schema, cluster_uuid, &changes, &Guard::none()).await?;
        for group in groups
            .iter()
            .filter(|group| group.status != Some(ClusterStatus::DeleteInProgress))
        {
            let changes = Changes::new().set("status", ClusterStatus::UpdateInProgress);
            rows::nodegroup::update(&mut tx, schema, &group.uuid, &changes, &Guard::none()).await?;
        }
        let change = Change::Upgrade {
            from_template: cluster.cluster_template_id.clone(),
            to_template: template.uuid.clone(),
            nodegroup: group_uuid.to_owned(),
        };
        self.journal(tx, request, cluster_uuid, change, Some(facts))
            .await?;
        self.tell_update(request, Outcome::Pending, &cluster, &groups);
        Ok(self.find(cluster_uuid).await?.cluster)
    }

    /// Leaves the reason of a refusal in the row, whose status stays: the command line shows an error only up to its
    /// first full stop, and versions have those.
    async fn explain(&self, cluster: &Cluster, error: &MagnumError) -> Result<(), RequestError> {
        let mut conn = self.app.db.acquire().await?;
        let changes = Changes::new().set("status_reason", error.message.as_str());
        let guard = Guard::none().expect("status", cluster.status);
        rows::cluster::update(&mut conn, self.app.db.schema(), &cluster.uuid, &changes, &guard).await?;
        Ok(())
    }

    async fn visible_template(&self, request: &Request, uuid: &str) -> Result<ClusterTemplate, RequestError> {
        let mut conn = self.app.db.acquire().await?;
        Ok(rows::cluster_template::visible(&mut conn, self.app.db.schema(), &request.context, uuid).await?)
    }

    /// Whether the upgrade can be made. Cluster API is asked first, because its own words say best what is wrong with
    /// a version; what it lets pass (a downgrade) or cannot be asked about is judged here.
    async fn viable(
        &self,
        request: &Request,
        found: &Found,
        template: &ClusterTemplate,
    ) -> Result<conductor_driver::facts::Facts, RequestError> {
        let rows = Rows {
            template,
            cluster: &found.cluster,
            groups: &found.groups,
        };
        let needs = rows.needs(Operation::UpgradeCluster);
        let looked_up = cloud::facts(&self.app, request, &needs);
        let facts = tokio::time::timeout(super::ACCEPT_LIMIT, looked_up)
            .await
            .map_err(|_| super::too_slow())??;
        let ours =
            conductor_driver::validate::check(&self.app.settings, Operation::UpgradeCluster, rows, &facts);
        let desired = Desired {
            cluster: found.cluster.clone(),
            template: template.clone(),
            nodegroups: found.groups.clone(),
        };
        let (asked, dead) = tokio::join!(
            tokio::time::timeout(ASK_LIMIT, self.app.releases.dry_run(&desired, &facts)),
            self.has_dead_credential(request, &found.cluster)
        );
        match asked {
            Ok(Ok(())) => {}
            Ok(Err(error)) if !error.is_transient() => {
                return Err(MagnumError::positional(
                    Kind::InvalidParameterValue,
                    format!("{REFUSED}. {error}"),
                )
                .into());
            }
            unanswered => {
                let error = match unanswered {
                    Ok(Err(error)) => error.to_string(),
                    _ => format!("no answer within {} s", ASK_LIMIT.as_secs()),
                };
                tracing::warn!(cluster = %found.cluster.uuid, %error, "upgrade judged without asking Cluster API");
            }
        }
        ours.map_err(MagnumError::from)?;
        if dead {
            self.replace_dead_credential(request, &found.cluster).await;
        }
        Ok(facts)
    }
}
