//! The order in which kinds are installed and uninstalled (`pkg/releaseutil/kind_sorter.go`, Helm 3.17).

use std::cmp::Ordering;

const INSTALL: [&str; 36] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

fn compare(a: &str, b: &str, position: impl Fn(&str) -> Option<usize>) -> Ordering {
    match (position(a), position(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

fn install_position(kind: &str) -> Option<usize> {
    INSTALL.iter().position(|known| *known == kind)
}

/// Which kind is installed first; kinds that Helm does not know come last, by name.
pub fn install_order(a: &str, b: &str) -> Ordering {
    compare(a, b, install_position)
}

/// Which kind is uninstalled first: the reverse, but kinds that Helm does not know come last here too.
pub fn uninstall_order(a: &str, b: &str) -> Ordering {
    compare(a, b, |kind| {
        install_position(kind).map(|position| INSTALL.len() - position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders() {
        let mut kinds = ["Widget", "Deployment", "Secret", "Cluster", "Namespace"];
        kinds.sort_by(|a, b| install_order(a, b));
        assert_eq!(kinds, ["Namespace", "Secret", "Deployment", "Cluster", "Widget"]);
        kinds.sort_by(|a, b| uninstall_order(a, b));
        assert_eq!(kinds, ["Deployment", "Secret", "Namespace", "Cluster", "Widget"]);
    }
}
