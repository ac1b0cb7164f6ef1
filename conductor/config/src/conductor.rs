//! `[conductor]`.

use oslo_config::section;

section! {
    /// Options of magnum-conductor itself.
    pub struct Conductor("conductor") {
        /// Topic on which requests arrive.
        pub topic: String = "magnum-conductor".into();
        /// Processes in Python; here it sizes pools. Number of processors if unset or 0.
        pub workers: Option<u32> = None;
    }
}
