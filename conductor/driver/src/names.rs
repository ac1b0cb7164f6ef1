//! Names of what a cluster consists of in the management cluster, as magnum-capi-helm `driver_utils.py` derives them.
//!
//! Where Python derives a name that nothing accepts (empty, doubled, a leading or trailing dash), the name is made
//! valid; names that already exist under Python's rules are never changed.

use std::collections::{HashMap, HashSet};

/// Length of the part of a release name that comes from the cluster's name.
const RELEASE_STEM: usize = 30;

/// Fewest characters of a node group's name that the chart takes.
pub const NODEGROUP_NAME_MIN: usize = 3;

/// Lower case, runs of anything but `a-z0-9` become one dash, no dash at either end; `None` for an empty name.
///
/// `driver_utils.sanitized_name`; note that the result is empty when nothing usable was in the name.
pub fn sanitized(name: &str, suffix: Option<&str>) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let full = match suffix {
        Some(suffix) if !suffix.is_empty() => format!("{name}-{suffix}"),
        _ => name.to_owned(),
    };
    let mut clean = String::with_capacity(full.len());
    for c in full.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            clean.push(c);
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    Some(clean.trim_matches('-').to_owned())
}

/// Name of the Helm release (`cluster.stack_id`) for a new cluster: its name, trimmed, and a random part.
///
/// `unique` is twelve characters from [`short_id`]. A name that leaves nothing to use gives `cluster-<unique>`, and
/// a dash where the name was cut is dropped: Python's `-<id>` is a flag to helm, its `a--<id>` puts secrets where the
/// chart does not look.
pub fn release_name(cluster_name: Option<&str>, unique: &str) -> String {
    let stem = sanitized(cluster_name.unwrap_or_default(), None).unwrap_or_default();
    let cut: String = stem.chars().take(RELEASE_STEM).collect();
    let stem = match cut.trim_end_matches('-') {
        "" => "cluster",
        stem => stem,
    };
    format!("{stem}-{unique}").to_lowercase()
}

/// Twelve characters of base 32 from the 60 random bits of a version 4 UUID, as `magnum/common/short_id.py`.
///
/// `None` unless `uuid` is the text of a version 4 UUID.
pub fn short_id(uuid: &str) -> Option<String> {
    let digits: String = uuid.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.is_ascii() || digits.as_bytes()[12] != b'4' {
        return None;
    }
    // time_hi without the version, time_mid, time_low: the 60 bits of the "time" field.
    let time = format!("{}{}{}", &digits[13..16], &digits[8..12], &digits[0..8]);
    let time = u64::from_str_radix(&time, 16).ok()?;
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    Some(
        (0..12)
            .map(|n| char::from(ALPHABET[(time >> (55 - 5 * n) & 31) as usize]))
            .collect(),
    )
}

/// Namespace of a project's clusters: `<prefix>-<project id without anything but a-z0-9>`.
pub fn namespace(prefix: &str, project_id: &str) -> String {
    let project: String = project_id
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        .collect();
    format!("{prefix}-{project}")
}

/// Name of an object that belongs to the release: `<release>-<name>`, sanitised as a whole.
///
/// `None` without a release name, which a cluster whose creation never began does not have.
pub fn resource(stack_id: Option<&str>, name: &str) -> Option<String> {
    sanitized(stack_id.unwrap_or_default(), Some(name))
}

/// Name of the secret that holds `clouds.yaml`.
pub fn cloud_credentials_secret(stack_id: Option<&str>) -> Option<String> {
    resource(stack_id, "cloud-credentials")
}

/// Name of the KubeadmControlPlane.
pub fn control_plane(stack_id: Option<&str>) -> Option<String> {
    resource(stack_id, "control-plane")
}

/// What a node group is called in the release, given its row and those of its siblings.
#[derive(Debug, Clone, Copy)]
pub struct NodeGroupName<'a> {
    /// UUID of the node group.
    pub uuid: &'a str,
    /// Name that the user gave.
    pub name: &'a str,
}

/// Names of a cluster's worker groups in the release, by UUID; `groups` in the order of their creation.
///
/// The user's name, sanitised. One that is too short for the chart, or that an older group already has, gets the
/// beginning of the group's UUID behind it, so that one bad name cannot hold up the rest of the cluster.
pub fn nodegroups(groups: &[NodeGroupName<'_>]) -> HashMap<String, String> {
    let mut taken = HashSet::new();
    let mut names = HashMap::new();
    for group in groups {
        let plain = sanitized(group.name, None).unwrap_or_default();
        let name = if plain.len() >= NODEGROUP_NAME_MIN && !taken.contains(&plain) {
            plain
        } else {
            let stem = if plain.is_empty() { "group" } else { &plain };
            let tail: String = group
                .uuid
                .chars()
                .filter(char::is_ascii_hexdigit)
                .take(8)
                .collect();
            format!("{stem}-{tail}").to_lowercase()
        };
        taken.insert(name.clone());
        names.insert(group.uuid.to_owned(), name);
    }
    names
}

/// Name of the MachineDeployment of a node group called `nodegroup` in the release.
pub fn machine_deployment(stack_id: Option<&str>, nodegroup: &str) -> Option<String> {
    resource(stack_id, nodegroup)
}
