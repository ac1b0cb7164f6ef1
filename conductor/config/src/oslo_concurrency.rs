//! `[oslo_concurrency]`.

use oslo_config::section;

section! {
    /// Options of oslo.concurrency; the queue manager's counter is locked there.
    pub struct OsloConcurrency("oslo_concurrency") {
        /// No locks between processes.
        pub disable_process_locking: bool = false, deprecated("DEFAULT", "disable_process_locking");
        /// Folder of lock files.
        pub lock_path: Option<String> = None, deprecated("DEFAULT", "lock_path");
    }
}
