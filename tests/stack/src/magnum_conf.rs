//! The one magnum.conf that magnum-api and the conductor read, as kolla writes one for both.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::identity::{MAGNUM, TRUSTEES};
use crate::seed::{MAGNUM_DATABASE, REGION};

/// `[oslo_messaging_rabbit]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RabbitOptions {
    /// oslo's defaults.
    Default,
    /// What kolla-ansible sets: quorum queues, also for replies, streams for fanouts, fixed queue names.
    Kolla,
}

/// Where the conductor's chart comes from.
#[derive(Clone, Debug)]
pub enum Chart {
    /// The one in our binary.
    Builtin,
    /// A folder that holds the chart `openstack-cluster`.
    Folder(PathBuf),
}

/// What the file depends on.
#[derive(Clone, Debug)]
pub struct MagnumConf<'a> {
    /// Holds the file itself, and state, locks and the policy.
    pub folder: &'a Path,
    /// oslo's `transport_url`.
    pub transport_url: &'a str,
    /// The database's port.
    pub database_port: u16,
    /// Keystone's port.
    pub keystone_port: u16,
    /// magnum-api's port.
    pub api_port: u16,
    /// magnum-api's paste file.
    pub paste: &'a Path,
    /// Of the management cluster.
    pub kubeconfig: &'a Path,
    /// See [`RabbitOptions`].
    pub rabbit: RabbitOptions,
    /// See [`Chart`].
    pub chart: &'a Chart,
    /// Lines that tests add, such as `[cluster]\nname = value`.
    pub extra: &'a str,
}

impl MagnumConf<'_> {
    /// Writes `magnum.conf`, and what it names, into its folder; its path.
    pub fn write(&self) -> Result<PathBuf> {
        let within = |name: &str| self.folder.join(name);
        let path = within("magnum.conf");
        ["state", "lock"]
            .into_iter()
            .try_for_each(|name| std::fs::create_dir_all(within(name)))
            .and_then(|()| std::fs::write(within("policy.yaml"), "{}\n"))
            .and_then(|()| std::fs::write(&path, self.render()))
            .with_context(|| format!("cannot write into {}", self.folder.display()))?;
        Ok(path)
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        let folder = self.folder.display();
        let keystone = format!("http://127.0.0.1:{}/v3", self.keystone_port);
        let (database, password) = MAGNUM_DATABASE;
        let account = format!(
            "auth_url = {keystone}\nauth_type = password\nusername = {}\npassword = {}\nproject_name = {}\n\
             user_domain_name = Default\nproject_domain_name = Default\n",
            MAGNUM.user, MAGNUM.password, MAGNUM.project
        );
        let trustees = format!(
            "trustee_domain_name = {}\ntrustee_domain_admin_name = {}\ntrustee_domain_admin_password = {}\n\
             trustee_keystone_interface = public\n",
            TRUSTEES.domain, TRUSTEES.user, TRUSTEES.password
        );
        let chart = match self.chart {
            Chart::Builtin => "builtin".to_owned(),
            Chart::Folder(path) => path.display().to_string(),
        };
        let mut text = format!(
            "[DEFAULT]\nhost = conductor-1\ntransport_url = {}\ndebug = true\nuse_stderr = true\n\
             state_path = {folder}/state\n\
             [api]\nhost = 127.0.0.1\nport = {}\nworkers = 2\napi_paste_config = {}\n\
             [conductor]\nworkers = 1\n\
             [database]\nconnection = \
             mysql+pymysql://{database}:{password}@127.0.0.1:{}/{database}?charset=utf8\nmax_retries = -1\n\
             [certificates]\ncert_manager_type = x509keypair\n\
             [drivers]\nverify_ca = true\n\
             [cinder]\ndefault_docker_volume_type = __DEFAULT__\n\
             [cinder_client]\nregion_name = {REGION}\n\
             [magnum_client]\nregion_name = {REGION}\n\
             [keystone_authtoken]\nwww_authenticate_uri = {keystone}\nauth_version = v3\n{account}\
             [keystone_auth]\n{account}\
             [trust]\n{trustees}\
             [oslo_concurrency]\nlock_path = {folder}/lock\n\
             [oslo_messaging_notifications]\ndriver = messagingv2\n\
             [oslo_policy]\npolicy_file = {folder}/policy.yaml\nenforce_scope = false\n\
             [capi_helm]\nkubeconfig_file = {}\nhelm_chart_repo =\nhelm_chart_name = {chart}\n\
             default_helm_chart_version =\ncsi_cinder_default_volume_type = __DEFAULT__\n",
            self.transport_url,
            self.api_port,
            self.paste.display(),
            self.database_port,
            self.kubeconfig.display(),
        );
        if self.rabbit == RabbitOptions::Kolla {
            text.push_str(
                "[oslo_messaging_rabbit]\nrabbit_quorum_queue = true\nrabbit_transient_quorum_queue = true\n\
                 rabbit_stream_fanout = true\nuse_queue_manager = true\nrabbit_qos_prefetch_count = 50\n\
                 heartbeat_in_pthread = false\n",
            );
        }
        let _ = writeln!(text, "{}", self.extra);
        text
    }
}
