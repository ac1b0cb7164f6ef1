//! What an operation is for: kept as JSON in the journal, so that any conductor can finish it.

use conductor_driver::facts::Facts;
use magnum_objects::Cluster;
use serde::{Deserialize, Serialize};

/// The kinds of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `cluster_create`.
    Create,
    /// `cluster_update`: the default worker group's node count.
    Update,
    /// `cluster_resize`: any group's node count.
    Resize,
    /// `cluster_upgrade`: another template.
    Upgrade,
    /// `cluster_delete`.
    Delete,
    /// `nodegroup_create`.
    NodegroupCreate,
    /// `nodegroup_update`.
    NodegroupUpdate,
    /// `nodegroup_delete`.
    NodegroupDelete,
    /// `credential_rotate`.
    CredentialRotate,
}

impl Kind {
    /// The journal's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Resize => "resize",
            Self::Upgrade => "upgrade",
            Self::Delete => "delete",
            Self::NodegroupCreate => "nodegroup_create",
            Self::NodegroupUpdate => "nodegroup_update",
            Self::NodegroupDelete => "nodegroup_delete",
            Self::CredentialRotate => "credential_rotate",
        }
    }
}

/// What was asked, and what to put back if it turns out to be refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A new cluster.
    Create,
    /// A node group gets another size.
    Scale {
        /// True for `cluster_update`, false for `cluster_resize`: they differ in what is restored.
        update: bool,
        /// The node group's uuid.
        nodegroup: String,
        /// Size before, restored on refusal unless somebody changed it since.
        from: i64,
        /// Size asked for.
        to: i64,
        /// Servers that the user wants removed first (`nodes_to_remove`).
        #[serde(default)]
        remove: Vec<String>,
    },
    /// The cluster moves to another template.
    Upgrade {
        /// Template before.
        from_template: String,
        /// Template asked for.
        to_template: String,
        /// The node group that the request named.
        nodegroup: String,
    },
    /// The cluster goes.
    Delete {
        /// What it was; journals of before this was kept have none.
        #[serde(default)]
        cluster: Option<Remains>,
    },
    /// A new node group.
    NodegroupCreate {
        /// Its uuid.
        nodegroup: String,
    },
    /// A node group changes (sizes' limits and such).
    NodegroupUpdate {
        /// Its uuid.
        nodegroup: String,
    },
    /// A node group goes.
    NodegroupDelete {
        /// Its uuid.
        nodegroup: String,
    },
    /// A new application credential.
    CredentialRotate {
        /// Owner before: the old credential is removed in that user's name.
        from_user: Option<String>,
    },
}

/// What a deletion has to know of a cluster whose row has gone before the rest of it: a Python conductor that took over
/// deletes the row as soon as Cluster API is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// Its name.
    pub name: String,
    /// Its project.
    pub project_id: String,
    /// Who made it.
    pub user_id: Option<String>,
    /// Its release.
    pub stack_id: Option<String>,
    /// Reference of the cluster CA.
    pub ca_cert_ref: Option<String>,
    /// Reference of Magnum's client certificate.
    pub magnum_cert_ref: Option<String>,
    /// Reference of etcd's CA.
    pub etcd_ca_cert_ref: Option<String>,
    /// Reference of the front proxy's CA.
    pub front_proxy_ca_cert_ref: Option<String>,
}

impl Remains {
    /// Of a cluster that is about to be deleted.
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            name: cluster.name.clone(),
            project_id: cluster.project_id.clone(),
            user_id: cluster.user_id.clone(),
            stack_id: cluster.stack_id.clone(),
            ca_cert_ref: cluster.ca_cert_ref.clone(),
            magnum_cert_ref: cluster.magnum_cert_ref.clone(),
            etcd_ca_cert_ref: cluster.etcd_ca_cert_ref.clone(),
            front_proxy_ca_cert_ref: cluster.front_proxy_ca_cert_ref.clone(),
        }
    }

    /// The cluster as far as it is known.
    pub fn cluster(&self, uuid: &str) -> Cluster {
        let remains = self.clone();
        Cluster {
            uuid: uuid.to_owned(),
            name: remains.name,
            project_id: remains.project_id,
            user_id: remains.user_id,
            stack_id: remains.stack_id,
            ca_cert_ref: remains.ca_cert_ref,
            magnum_cert_ref: remains.magnum_cert_ref,
            etcd_ca_cert_ref: remains.etcd_ca_cert_ref,
            front_proxy_ca_cert_ref: remains.front_proxy_ca_cert_ref,
            ..Cluster::default()
        }
    }
}

/// The application credential that a request made; its secret is kept apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// Its id.
    pub id: String,
    /// The owner.
    pub user_id: String,
    /// The public Keystone URL, as `clouds.yaml` names it.
    pub auth_url: String,
    /// The region, as `clouds.yaml` names it.
    pub region: Option<String>,
}

/// Who asked: for notifications and the log. No token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Asker {
    /// User id.
    pub user_id: Option<String>,
    /// Project id.
    pub project_id: Option<String>,
    /// Domain id.
    pub domain_id: Option<String>,
    /// The request's global id.
    pub global_request_id: Option<String>,
}

/// The journal's JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// What was asked.
    #[serde(flatten)]
    pub change: Change,
    /// What the caller's view of the cloud held at acceptance; none for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
    /// The application credential made at acceptance: of a creation or a rotation, or because the one before was dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// Who asked.
    #[serde(default)]
    pub asker: Asker,
}

impl Intent {
    /// The kind of operation that this is.
    pub fn kind(&self) -> Kind {
        match &self.change {
            Change::Create => Kind::Create,
            Change::Scale { update: true, .. } => Kind::Update,
            Change::Scale { update: false, .. } => Kind::Resize,
            Change::Upgrade { .. } => Kind::Upgrade,
            Change::Delete { .. } => Kind::Delete,
            Change::NodegroupCreate { .. } => Kind::NodegroupCreate,
            Change::NodegroupUpdate { .. } => Kind::NodegroupUpdate,
            Change::NodegroupDelete { .. } => Kind::NodegroupDelete,
            Change::CredentialRotate { .. } => Kind::CredentialRotate,
        }
    }
}
