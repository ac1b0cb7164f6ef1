//! Both engines over the same steps, each in a namespace of its own: the real helm and ours leave the same
//! objects and records and say the same. Where they do not, `differences.yaml` says why.
//!
//! The steps are those that were recorded from the real helm when this crate was planned: a cluster's whole
//! life with a Cluster API chart, and a chart full of hooks. They run with the repository's own chart; the
//! variable `OFFICIAL_CHARTS` may name a folder with `first`, `second`, `third` and `missing-crd`, four versions
//! of the chart openstack-cluster (folders), to run them with those instead. Seen with 0.16.1, 0.27.0, the main
//! branch and 0.7.0, which are what was recorded: all 32 steps are equal but for what `differences.yaml` lists.

mod differences;
mod hooked;
mod life;
mod stage;
