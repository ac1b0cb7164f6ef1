//! How far the autoscaler may change a node group.

use conductor_config::Settings;
use magnum_objects::{Cluster, ClusterTemplate, NodeGroup};

use crate::error::DriverError;
use crate::labels::Labels;
use crate::values::is_default_worker;

/// Lower and upper bound of a node group's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fewest nodes.
    pub min: i64,
    /// Most nodes.
    pub max: i64,
    /// Nodes asked for.
    pub count: i64,
    /// Whether somebody asked for this lower bound.
    min_is_set: bool,
}

impl Limits {
    /// Limits of a group from its row and, for the default worker group, from labels and configuration.
    ///
    /// A bound that nobody set is the group's present size, so that switching autoscaling on does not shrink or grow
    /// a group by surprise. Magnum stores "not set" as 0 (and, in the default group, as 1).
    pub fn of(
        settings: &Settings,
        template: &ClusterTemplate,
        cluster: &Cluster,
        groups: &[NodeGroup],
        group: &NodeGroup,
    ) -> Self {
        let default_worker = is_default_worker(groups, group);
        let unset = |min: &i64| *min == 0 || (default_worker && *min == 1);
        let mut min = Some(group.min_node_count).filter(|min| !unset(min));
        let mut max = group.max_node_count;
        if default_worker {
            let labels = Labels::of(template, cluster);
            let conf = &settings.capi_helm_cluster_labels;
            min = labels.int_or("min_node_count", conf.min_node_count.or(min));
            max = labels.int_or("max_node_count", conf.max_node_count.or(max));
        }
        let count = group.node_count;
        Self {
            min: min.unwrap_or(count),
            max: max.unwrap_or(count),
            count,
            min_is_set: min.is_some(),
        }
    }

    /// What Magnum refuses; the texts are those of magnum-capi-helm.
    pub fn check(&self) -> Result<(), DriverError> {
        let refuse = |message: &str| {
            Err(DriverError::NodeGroupInvalidInput {
                message: message.to_owned(),
            })
        };
        if self.min_is_set && self.min < 1 {
            return refuse("Min node count must be greater than or equal to 1 for all node groups.");
        }
        if self.min > self.count {
            return refuse("Min node count must be less than or equal to current node count");
        }
        if self.max < self.min {
            return refuse("Max node count must be greater than or equal to min node count");
        }
        Ok(())
    }

    /// Bounds for the autoscaler; `None` if the group has a fixed size or its limits make no sense.
    pub fn autoscale(&self) -> Option<(i64, i64)> {
        // Cluster API's OpenStack provider cannot scale from zero.
        let min = if self.min_is_set {
            self.min
        } else {
            self.min.max(1)
        };
        (min >= 1 && min < self.max).then_some((min, self.max))
    }
}
