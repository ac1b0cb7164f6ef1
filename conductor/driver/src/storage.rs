//! Storage classes of a cluster: one for each of Cinder's volume types.

use std::collections::{HashMap, HashSet};

use conductor_config::Settings;
use serde_json::{Value, json};

use crate::error::DriverError;
use crate::labels::Labels;
use crate::names;

/// `addons.openstack.csiCinder` of the chart.
///
/// The default class is the configured volume type's, else the first type's that Cinder lists.
pub fn classes(settings: &Settings, labels: &Labels, volume_types: &[String]) -> Result<Value, DriverError> {
    let first = volume_types.first().ok_or(DriverError::NoVolumeTypes)?;
    let configured = settings
        .capi_helm
        .csi_cinder_default_volume_type
        .as_ref()
        .filter(|name| !name.is_empty());
    let default = configured.unwrap_or(first);
    if !volume_types.contains(default) {
        return Err(DriverError::VolumeTypeUnknown {
            volume_type: default.clone(),
        });
    }
    let conf = &settings.capi_helm_cluster_labels;
    let zone = labels.text("csi_cinder_availability_zone", &conf.csi_cinder_availability_zone);
    let reclaim = labels.text("csi_cinder_reclaim_policy", &conf.csi_cinder_reclaim_policy);
    let binding = labels.text(
        "csi_cinder_volume_binding_mode",
        &conf.csi_cinder_volume_binding_mode,
    );
    let expansion = labels.bool(
        "csi_cinder_allow_volume_expansion",
        conf.csi_cinder_allow_volume_expansion,
    );
    let fstype = labels.text("csi_cinder_fstype", &conf.csi_cinder_fstype);
    let names = class_names(volume_types);
    let class = |volume_type: &str| {
        json!({
            "name": names.get(volume_type),
            "reclaimPolicy": reclaim,
            "allowVolumeExpansion": expansion,
            "volumeBindingMode": binding,
            "availabilityZone": zone,
            "volumeType": volume_type,
            "allowedTopologies": settings.capi_helm.csi_cinder_allowed_topologies,
            "fstype": fstype,
            "enabled": true,
        })
    };
    let mut seen = HashSet::from([default]);
    let others: Vec<Value> = volume_types
        .iter()
        .filter(|name| seen.insert(*name))
        .map(|name| class(name))
        .collect();
    Ok(json!({"defaultStorageClass": class(default), "additionalStorageClasses": others}))
}

/// Names of the storage classes by volume type: the type's name, sanitised.
///
/// Where two types would share a name, the one that is called so keeps it; one whose name holds nothing usable, or is
/// taken, is told apart by a number made of its name.
fn class_names(volume_types: &[String]) -> HashMap<&str, String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut result = HashMap::new();
    let plain = |name: &str| names::sanitized(name, None).unwrap_or_default();
    let (exact, others): (Vec<_>, Vec<_>) = volume_types.iter().partition(|name| plain(name) == **name);
    for volume_type in exact.into_iter().chain(others) {
        if result.contains_key(volume_type.as_str()) {
            continue;
        }
        let mut name = plain(volume_type);
        if name.is_empty() || taken.contains(&name) {
            let stem = if name.is_empty() { "type" } else { &name };
            name = format!("{stem}-{:08x}", fnv1a(volume_type));
        }
        taken.insert(name.clone());
        result.insert(volume_type.as_str(), name);
    }
    result
}

/// FNV-1a, 32 bits: small and the same in every build, unlike the standard library's hasher.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
