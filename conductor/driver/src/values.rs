//! Values of a cluster's Helm release, equal to what magnum-capi-helm 1.4.0 `driver.py` sends for the same rows.
//!
//! Keys, types and even the order of keys are the same: the release of a cluster that the Python driver made must
//! see no change when we take it over.

use std::collections::HashMap;

use conductor_config::{CapiHelmClusterLabels, Settings};
use magnum_objects::{Cluster, ClusterStatus, ClusterTemplate, NodeGroup};
use serde_json::{Map, Value, json};

use crate::error::DriverError;
use crate::facts::Facts;
use crate::labels::Labels;
use crate::limits::Limits;
use crate::merge::mergeconcat;
use crate::names::{self, NodeGroupName};
use crate::{storage, text};

/// Role of control plane node groups.
const MASTER: &str = "master";

/// Values of the release of `cluster`, from its rows and what is known about the cloud.
///
/// `groups` are all node groups of the cluster, oldest first; those that are being deleted are left out of the
/// release.
pub fn helm_values(
    settings: &Settings,
    template: &ClusterTemplate,
    cluster: &Cluster,
    groups: &[NodeGroup],
    facts: &Facts,
) -> Result<Value, DriverError> {
    let builder = Builder {
        settings,
        conf: &settings.capi_helm_cluster_labels,
        template,
        cluster,
        groups,
        facts,
        labels: Labels::of(template, cluster),
    };
    builder.build()
}

/// Whether the release contains `group`: a worker group that is not being deleted.
pub fn in_release(group: &NodeGroup) -> bool {
    group.role != MASTER && group.status != Some(ClusterStatus::DeleteInProgress)
}

/// Whether `group` is the default worker group, the one that a cluster's own labels are about.
pub fn is_default_worker(groups: &[NodeGroup], group: &NodeGroup) -> bool {
    let default = groups
        .iter()
        .find(|other| other.is_default && other.role != MASTER);
    default.is_some_and(|default| default.uuid == group.uuid)
}

/// Number of control plane nodes.
pub fn master_count(groups: &[NodeGroup]) -> i64 {
    groups
        .iter()
        .filter(|group| group.role == MASTER)
        .map(|group| group.node_count)
        .sum()
}

/// Names of the worker groups in the release, by UUID.
pub fn nodegroup_names(groups: &[NodeGroup]) -> HashMap<String, String> {
    let workers: Vec<_> = groups
        .iter()
        .filter(|group| group.role != MASTER)
        .map(|group| NodeGroupName {
            uuid: &group.uuid,
            name: &group.name,
        })
        .collect();
    names::nodegroups(&workers)
}

struct Builder<'a> {
    settings: &'a Settings,
    conf: &'a CapiHelmClusterLabels,
    template: &'a ClusterTemplate,
    cluster: &'a Cluster,
    groups: &'a [NodeGroup],
    facts: &'a Facts,
    labels: Labels,
}

impl Builder<'_> {
    fn build(&self) -> Result<Value, DriverError> {
        let mut values = self.base()?;
        for part in [
            self.boot_volume(),
            self.extra_networks(),
            self.keystone_auth(),
            self.allowed_cidrs(),
            self.cni(),
        ] {
            values = mergeconcat(values, part);
        }
        Ok(values)
    }

    fn base(&self) -> Result<Value, DriverError> {
        let credentials =
            names::cloud_credentials_secret(self.cluster.stack_id.as_deref()).ok_or_else(|| {
                DriverError::NoRelease {
                    cluster: self.cluster.uuid.clone(),
                }
            })?;
        let conf = self.conf;
        let healing = self
            .labels
            .bool("auto_healing_enabled", conf.auto_healing_enabled);
        let health_check = json!({"enabled": healing});
        Ok(json!({
            "kubernetesVersion": self.facts.kube_version,
            "machineImageId": self.facts.image_id,
            "machineSSHKeyName": self.cluster.keypair.as_deref().filter(|key| !key.is_empty()),
            "cloudCredentialsSecretName": credentials,
            "etcd": self.etcd(),
            "apiServer": {
                "associateFloatingIP": self.labels.bool("master_lb_floating_ip_enabled", conf.master_lb_floating_ip_enabled),
                "enableLoadBalancer": true,
                "loadBalancerProvider": self.octavia_provider(),
            },
            "clusterNetworking": self.networking()?,
            "osDistro": self.facts.os_distro,
            "controlPlane": {
                "machineFlavor": self.cluster.master_flavor_id,
                "machineCount": master_count(self.groups),
                "healthCheck": health_check,
            },
            "nodeGroupDefaults": {"healthCheck": health_check},
            "nodeGroups": self.nodegroups(),
            "addons": {
                "openstack": {
                    "csiCinder": storage::classes(self.settings, &self.labels, &self.facts.volume_types)?,
                    "cloudConfig": {"LoadBalancer": self.load_balancer()},
                },
                "monitoring": {"enabled": self.labels.bool("monitoring_enabled", conf.monitoring_enabled)},
                "kubernetesDashboard": {
                    "enabled": self.labels.bool("kube_dashboard_enabled", conf.kube_dashboard_enabled),
                },
                "ingress": {"enabled": false},
            },
        }))
    }

    /// etcd's own disk; the labels `etcd_volume_size` and `etcd_volume_type` are the older names.
    fn etcd(&self) -> Value {
        let conf = self.conf;
        let older_size = self.labels.int("etcd_volume_size", conf.etcd_blockdevice_size);
        let size = self.labels.int("etcd_blockdevice_size", older_size);
        if size <= 0 {
            return json!({});
        }
        if self
            .labels
            .text("etcd_blockdevice_type", &conf.etcd_blockdevice_type)
            == "local"
        {
            return json!({"blockDevice": {"size": size, "type": "Local"}});
        }
        let mut device = json!({"size": size, "type": "Volume"});
        let older_type = self
            .labels
            .text("etcd_volume_type", &conf.etcd_blockdevice_volume_type);
        let volume_type = self.labels.text("etcd_blockdevice_volume_type", &older_type);
        if !volume_type.is_empty() {
            device["volumeType"] = volume_type.into();
        }
        let zone = self
            .labels
            .text("etcd_blockdevice_volume_az", &conf.etcd_blockdevice_volume_az);
        if !zone.is_empty() {
            device["availabilityZone"] = zone.into();
        }
        json!({"blockDevice": device})
    }

    fn networking(&self) -> Result<Value, DriverError> {
        let by_id = |id: &Option<String>| id.as_ref().map(|id| json!({"id": id}));
        Ok(json!({
            "dnsNameservers": dns_nameservers(self.template.dns_nameserver.as_deref())?,
            "externalNetworkId": self.facts.external_network_id,
            "internalNetwork": {
                "networkFilter": by_id(&self.facts.fixed_network_id),
                "subnetFilter": by_id(&self.facts.fixed_subnet_id),
                "nodeCidr": self.labels.text("fixed_subnet_cidr", &self.conf.fixed_subnet_cidr),
            },
        }))
    }

    fn octavia_provider(&self) -> String {
        self.labels.text("octavia_provider", &self.conf.octavia_provider)
    }

    fn load_balancer(&self) -> Value {
        let provider = self.octavia_provider();
        // OVN balances by source address and port only.
        let method = match self.conf.octavia_lb_algorithm.as_str() {
            "" if provider.to_lowercase() == "ovn" => "SOURCE_IP_PORT",
            "" => "ROUND_ROBIN",
            configured => configured,
        };
        json!({
            "lb-provider": provider,
            "lb-method": self.labels.text("octavia_lb_algorithm", method),
            "create-monitor": self.labels.bool("octavia_lb_healthcheck", self.conf.octavia_lb_healthcheck),
        })
    }

    fn nodegroups(&self) -> Vec<Value> {
        let names = nodegroup_names(self.groups);
        let autoscaling = self
            .labels
            .bool("auto_scaling_enabled", self.conf.auto_scaling_enabled);
        let release = self.groups.iter().filter(|group| in_release(group));
        release
            .map(|group| self.nodegroup(group, names.get(&group.uuid), autoscaling))
            .collect()
    }

    fn nodegroup(&self, group: &NodeGroup, name: Option<&String>, autoscaling: bool) -> Value {
        let mut item = json!({
            "name": name,
            "machineFlavor": group.flavor_id,
            "machineCount": group.node_count,
        });
        let limits = Limits::of(self.settings, self.template, self.cluster, self.groups, group);
        if let Some((min, max)) = limits.autoscale().filter(|_| autoscaling) {
            // Text, not a boolean: so the Python driver sends it.
            item["autoscale"] = "true".into();
            item["machineCountMin"] = min.into();
            item["machineCountMax"] = max.into();
        }
        if let Some(labels) = group.node_labels.as_ref().filter(|labels| !labels.is_empty()) {
            item["nodeLabels"] = json!(labels);
        }
        if let Some(taints) = group.node_taints.as_ref().filter(|taints| !taints.is_empty()) {
            item["kubeadmConfigSpec"] =
                json!({"joinConfiguration": {"nodeRegistration": {"taints": taints}}});
        }
        item
    }

    fn boot_volume(&self) -> Value {
        let defaults = &self.settings.cinder;
        let configured = self
            .conf
            .boot_volume_type
            .as_deref()
            .filter(|name| !name.is_empty());
        let kind = self.labels.text(
            "boot_volume_type",
            configured.unwrap_or(&defaults.default_boot_volume_type),
        );
        let configured = self
            .conf
            .boot_volume_size
            .unwrap_or(defaults.default_boot_volume_size);
        let size = self.labels.int("boot_volume_size", configured);
        let mut volume = Map::new();
        if !kind.is_empty() {
            volume.insert("volumeType".into(), kind.into());
        }
        if size != 0 {
            volume.insert("diskSize".into(), size.into());
        }
        if volume.is_empty() {
            return Value::Null;
        }
        let root = json!({"machineRootVolume": volume});
        json!({"controlPlane": root, "nodeGroupDefaults": root})
    }

    /// More networks for nodes; the label `extra_network_name` is the older name.
    fn extra_networks(&self) -> Value {
        let older = self.labels.text("extra_network_name", "");
        let mut networks = self
            .labels
            .text("extra_network_names", &self.conf.extra_network_names);
        if networks.is_empty() {
            networks = older;
        }
        if networks.is_empty() {
            return Value::Null;
        }
        // The first, empty port is the one in the cluster's own network.
        let mut ports = vec![json!({})];
        ports.extend(
            networks
                .split(' ')
                .map(|name| json!({"network": {"name": name}, "securityGroups": []})),
        );
        json!({"nodeGroupDefaults": {"machineNetworking": {"ports": ports}}})
    }

    fn keystone_auth(&self) -> Value {
        if !self
            .labels
            .bool("keystone_auth_enabled", self.conf.keystone_auth_enabled)
        {
            return Value::Null;
        }
        json!({
            "authWebhook": "k8s-keystone-auth",
            "addons": {"openstack": {"k8sKeystoneAuth": {
                "enabled": true,
                // The cluster's project, whoever asks: an operator of another project must not lock its users out.
                "values": {"openstackAuthUrl": self.facts.auth_url, "projectId": self.cluster.project_id},
            }}},
        })
    }

    fn allowed_cidrs(&self) -> Value {
        let cidrs = self.labels.csv(
            "api_master_lb_allowed_cidrs",
            &self.conf.api_master_lb_allowed_cidrs,
        );
        if cidrs.is_empty() {
            Value::Null
        } else {
            json!({"apiServer": {"allowedCidrs": cidrs}})
        }
    }

    fn cni(&self) -> Value {
        match self.template.network_driver.as_deref() {
            None | Some("") => Value::Null,
            Some(driver) => match cni_type(driver) {
                kind if kind.is_empty() => Value::Null,
                kind => json!({"addons": {"cni": {"type": kind}}}),
            },
        }
    }
}

/// CNI of the chart from the template's network driver.
pub fn cni_type(network_driver: &str) -> String {
    text::keep(network_driver, ".-_")
}

/// Name servers of the nodes' subnet; `None` leaves the choice to the chart.
///
/// Beyond the comma-separated list that Python takes: stray commas and white space between addresses are forgiven.
pub fn dns_nameservers(field: Option<&str>) -> Result<Option<Vec<String>>, DriverError> {
    let Some(field) = field.filter(|field| !field.is_empty()) else {
        return Ok(None);
    };
    if let Some(servers) = text::split_by_commas(field) {
        return Ok(Some(servers));
    }
    let servers: Vec<String> = field
        .split([',', ' ', '\t', '\n', '\r'])
        .filter(|server| !server.is_empty())
        .map(str::to_owned)
        .collect();
    let usable = servers
        .iter()
        .all(|server| server.bytes().all(|b| b.is_ascii_graphic() && b != b'"'));
    if !usable {
        return Err(DriverError::DnsNameserver {
            value: field.to_owned(),
        });
    }
    Ok(Some(servers).filter(|servers| !servers.is_empty()))
}
