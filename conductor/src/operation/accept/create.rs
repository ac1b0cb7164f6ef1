//! `cluster_create`.

use conductor_driver::{
    names,
    validate::{Operation, Rows},
    values,
};
use magnum_objects::{Changes, Cluster, ClusterStatus, ClusterTemplate, Guard, MagnumError, NodeGroup, rows};

use super::{ACCEPT_LIMIT, Acceptor, failed, means::Means, too_slow};
use crate::{
    notify::{Action, Outcome},
    operation::{Intent, State, intent::Change, journal::NewOperation},
    request::{Request, RequestError},
};

/// What the first transaction of a creation found.
enum Beginning {
    /// There is something left to accept.
    Open(Box<Begun>),
    /// An earlier delivery of the same message was answered; whatever became of it stands in the row.
    Settled(Box<Cluster>),
    /// As before, and the cluster is gone since.
    Gone,
}

/// A creation whose rows are written.
struct Begun {
    operation: u64,
    cluster: Cluster,
    groups: Vec<NodeGroup>,
    /// `None`: the caller cannot see the template.
    template: Option<ClusterTemplate>,
}

impl Acceptor {
    /// `cluster_create`: the row at once, as Python does, so that the API finds the cluster; the rest when the cloud has
    /// answered. What is refused leaves CREATE_FAILED and the reason in the row, and nothing else behind; `refusal` is one
    /// that is known beforehand.
    ///
    /// # Errors
    /// What validation refuses.
    pub async fn create(
        &self,
        request: &Request,
        wanted: Cluster,
        masters: i64,
        workers: i64,
        refusal: Option<MagnumError>,
    ) -> Result<Cluster, RequestError> {
        let uuid = wanted.uuid.clone();
        let begun = match self.begin(request, wanted, masters, workers).await? {
            Beginning::Open(begun) => *begun,
            Beginning::Settled(cluster) => return Ok(*cluster),
            Beginning::Gone => return Err(MagnumError::cluster_not_found(uuid).into()),
        };
        let notifications = &self.app.notifications;
        notifications.cluster(
            &request.context,
            Action::Create,
            Outcome::Pending,
            &begun.cluster,
            &begun.groups,
        );
        let completed = match refusal {
            Some(refusal) => Err(refusal.into()),
            None => tokio::time::timeout(ACCEPT_LIMIT, self.complete(request, &begun))
                .await
                .unwrap_or_else(|_| Err(too_slow().into())),
        };
        match completed {
            Ok(cluster) => {
                self.executor.wake(&cluster.uuid);
                tracing::info!(cluster = %cluster.uuid, operation = "create", "accepted");
                Ok(cluster)
            }
            Err(RequestError::Refused(error)) => {
                self.refuse_creation(request, begun, &error).await?;
                Err(error.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the rows and the journal row, or finds those of an earlier delivery of the same message.
    async fn begin(
        &self,
        request: &Request,
        mut wanted: Cluster,
        masters: i64,
        workers: i64,
    ) -> Result<Beginning, RequestError> {
        let schema = self.app.db.schema();
        let mut tx = self.app.db.begin().await?;
        let template =
            rows::cluster_template::visible(&mut tx, schema, &request.context, &wanted.cluster_template_id);
        let template = match template.await {
            Ok(template) => Some(template),
            Err(magnum_objects::DbError::Refused(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(known) = self
            .app
            .journal
            .by_message(&mut tx, &request.message_id, &wanted.uuid)
            .await?
        {
            let found = self.app.lock(&mut tx, &wanted.uuid).await?;
            let Some((cluster, groups)) = found else {
                return Ok(Beginning::Gone);
            };
            if known.state != State::Accepting {
                return Ok(Beginning::Settled(Box::new(cluster)));
            }
            self.app.journal.accepting_again(&mut tx, known.id).await?;
            magnum_objects::Db::commit(tx).await?;
            return Ok(Beginning::Open(Box::new(Begun {
                operation: known.id,
                cluster,
                groups,
                template,
            })));
        }
        wanted.status = Some(ClusterStatus::CreateInProgress);
        wanted.status_reason = None;
        wanted.stack_id = None;
        let cluster = rows::cluster::insert(&mut tx, schema, &wanted).await?;
        let mut groups = Vec::with_capacity(2);
        for (role, count) in [("master", masters), ("worker", workers)] {
            let group = default_group(&cluster, template.as_ref(), role, count);
            let unset = ["min_node_count"];
            groups.push(rows::nodegroup::insert_without(&mut tx, schema, &group, &unset).await?);
        }
        let intent = Intent {
            change: Change::Create,
            facts: None,
            credential: None,
            asker: request.asker(),
        };
        let new = NewOperation {
            message_id: &request.message_id,
            cluster_uuid: &cluster.uuid,
            state: State::Accepting,
            intent: &intent,
            sealed: None,
            request_id: request.context.request_id.as_deref(),
        };
        let operation = self.app.journal.insert(&mut tx, &new).await?;
        magnum_objects::Db::commit(tx).await?;
        Ok(Beginning::Open(Box::new(Begun {
            operation,
            cluster,
            groups,
            template,
        })))
    }

    /// Everything that needs the caller: look-ups, checks, the application credential; then the second transaction.
    async fn complete(&self, request: &Request, begun: &Begun) -> Result<Cluster, RequestError> {
        let missing = || MagnumError::cluster_template_not_found(begun.cluster.cluster_template_id.as_str());
        let template = begun.template.as_ref().ok_or_else(missing)?;
        let groups = with_minimum(&begun.cluster, &begun.groups)?;
        let rows = Rows {
            template,
            cluster: &begun.cluster,
            groups: &groups,
        };
        let facts = self.facts(request, Operation::CreateCluster, rows).await?;
        let mut cluster = begun.cluster.clone();
        let unique = names::short_id(&uuid::Uuid::new_v4().to_string()).unwrap_or_default();
        cluster.stack_id = Some(names::release_name(Some(&cluster.name), &unique));
        // What does not make values now would never make a release.
        values::helm_values(&self.app.settings, template, &cluster, &groups, &facts)
            .map_err(MagnumError::from)?;
        let means = self.means(request, &cluster).await?;
        let intent = Intent {
            change: Change::Create,
            facts: Some(facts),
            credential: Some(means.credential.clone()),
            asker: request.asker(),
        };
        let written = self
            .write(begun.operation, &cluster, &groups, &means, &intent)
            .await;
        if !matches!(written, Ok(true)) {
            // Nobody will ever use them: a deletion came in between, or the database failed and all is made anew.
            self.forget_means(request, &cluster, &means).await;
        }
        match written {
            // With the references to its certificates.
            Ok(true) => Ok(self.find(&cluster.uuid).await?.cluster),
            Ok(false) => Err(MagnumError::not_supported("Creating a cluster that is being deleted").into()),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        operation: u64,
        cluster: &Cluster,
        groups: &[NodeGroup],
        means: &Means,
        intent: &Intent,
    ) -> Result<bool, RequestError> {
        use secrecy::ExposeSecret;
        let schema = self.app.db.schema();
        let mut tx = self.app.db.begin().await?;
        if !self
            .app
            .journal
            .accepted(&mut tx, operation, intent, Some(means.secret.expose_secret()))
            .await?
        {
            return Ok(false);
        }
        let references = means.certificates.write(&mut tx, &self.app.db).await?;
        let stack_id = cluster.stack_id.clone();
        let changes = Changes::new()
            .set("stack_id", stack_id.clone())
            .set("ca_cert_ref", references.ca)
            .set("etcd_ca_cert_ref", references.etcd)
            .set("front_proxy_ca_cert_ref", references.front_proxy)
            .set("magnum_cert_ref", references.magnum);
        let changes = means.trust_columns(changes);
        let guard = Guard::none().expect("status", ClusterStatus::CreateInProgress);
        if !rows::cluster::update(&mut tx, schema, &cluster.uuid, &changes, &guard).await? {
            return Ok(false);
        }
        for group in groups {
            let mut changes = Changes::new().set("stack_id", stack_id.clone());
            if minimum_label(cluster).is_some() && group.role == "worker" {
                changes.put("min_node_count", group.min_node_count);
            }
            rows::nodegroup::update(&mut tx, schema, &group.uuid, &changes, &Guard::none()).await?;
        }
        magnum_objects::Db::commit(tx).await?;
        Ok(true)
    }

    async fn refuse_creation(
        &self,
        request: &Request,
        begun: Begun,
        error: &MagnumError,
    ) -> Result<(), RequestError> {
        let schema = self.app.db.schema();
        let mut tx = self.app.db.begin().await?;
        if !self
            .app
            .journal
            .finish(&mut tx, begun.operation, State::Failed, Some(&error.message))
            .await?
        {
            return Ok(());
        }
        let changes = failed(ClusterStatus::CreateFailed, &error.message);
        let guard = Guard::none().expect("status", ClusterStatus::CreateInProgress);
        rows::cluster::update(&mut tx, schema, &begun.cluster.uuid, &changes, &guard).await?;
        for group in &begun.groups {
            rows::nodegroup::update(&mut tx, schema, &group.uuid, &changes, &guard).await?;
        }
        magnum_objects::Db::commit(tx).await?;
        let mut cluster = begun.cluster;
        cluster.status = Some(ClusterStatus::CreateFailed);
        cluster.status_reason = Some(error.message.clone());
        tracing::warn!(cluster = %cluster.uuid, reason = %error.message, "creation refused");
        self.app.notifications.cluster(
            &request.context,
            Action::Create,
            Outcome::Failure,
            &cluster,
            &begun.groups,
        );
        Ok(())
    }
}

/// A new cluster's node group of a role, as magnum 23.0 `conductor/utils.py` `_get_nodegroup_object`.
fn default_group(
    cluster: &Cluster,
    template: Option<&ClusterTemplate>,
    role: &str,
    node_count: i64,
) -> NodeGroup {
    let flavor = match role {
        "master" => (
            &cluster.master_flavor_id,
            template.and_then(|template| template.master_flavor_id.as_ref()),
        ),
        _ => (
            &cluster.flavor_id,
            template.and_then(|template| template.flavor_id.as_ref()),
        ),
    };
    NodeGroup {
        uuid: uuid::Uuid::new_v4().to_string(),
        name: format!("default-{role}"),
        cluster_id: cluster.uuid.clone(),
        project_id: cluster.project_id.clone(),
        docker_volume_size: cluster
            .docker_volume_size
            .filter(|size| *size != 0)
            .or_else(|| template.and_then(|template| template.docker_volume_size)),
        labels: Some(cluster.labels.clone().unwrap_or_default()),
        flavor_id: flavor
            .0
            .clone()
            .filter(|flavor| !flavor.is_empty())
            .or_else(|| flavor.1.cloned()),
        image_id: template.and_then(|template| template.image_id.clone()),
        node_count,
        role: role.to_owned(),
        is_default: true,
        status: Some(ClusterStatus::CreateInProgress),
        ..NodeGroup::default()
    }
}

fn minimum_label(cluster: &Cluster) -> Option<&String> {
    cluster
        .labels
        .as_ref()
        .and_then(|labels| labels.get("min_node_count"))
}

/// The groups with the workers' lower limit from the cluster's `min_node_count` label.
fn with_minimum(cluster: &Cluster, groups: &[NodeGroup]) -> Result<Vec<NodeGroup>, MagnumError> {
    let mut groups = groups.to_vec();
    if let Some(label) = minimum_label(cluster) {
        let minimum = label.trim().parse().map_err(|_| {
            MagnumError::positional(
                magnum_objects::Kind::InvalidParameterValue,
                format!("The label min_node_count is not a number: {label}"),
            )
        })?;
        groups
            .iter_mut()
            .filter(|group| group.role == "worker")
            .for_each(|group| group.min_node_count = minimum);
    }
    Ok(groups)
}
