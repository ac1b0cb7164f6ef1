//! Both conductors' certificate code beside each other, on one database, one folder and one Barbican.

pub mod ours;
pub mod python;
pub mod site;
