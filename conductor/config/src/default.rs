//! `[DEFAULT]`: the process, its logs and the message bus.

use oslo_config::section;
use secrecy::SecretString;

use crate::texts;

section! {
    /// Options of magnum, oslo.log, oslo.service and oslo.messaging in `[DEFAULT]`.
    pub struct DefaultSection("DEFAULT") {
        /// Name of this node, as it stands in `magnum_service` and in notifications. See [`crate::Settings::host`].
        pub host: Option<String> = None;
        /// Folder for state; other options may refer to it as `$state_path`.
        pub state_path: String = "/var/lib/magnum".into();
        /// Installation folder in Python; only there to be referred to.
        pub pybasedir: String = "/usr/share/magnum".into();
        /// Folder of executables; only there to be referred to.
        pub bindir: String = "$pybasedir/bin".into();
        /// Folder for temporary files.
        pub tempdir: Option<String> = None;
        /// Python's privilege helper; not used.
        pub rootwrap_config: String = "/etc/magnum/rootwrap.conf".into();
        /// Symbol groups for generated passwords.
        pub password_symbols: Vec<String> =
            texts(&["23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz"]);
        /// Seconds without a report after which a service counts as down.
        pub service_down_time: i64 = 180;
        /// Largest manifest, bytes.
        pub max_manifest_size: i64 = 524_288;
        /// Whether this process updates the state of clusters.
        pub periodic_enable: bool = true;
        /// Seconds between periodic tasks, at most.
        pub periodic_interval_max: i64 = 60;
        /// Python: raise on a broken exception text; not used.
        pub fatal_exception_format_errors: bool = false;
        /// Seconds that a stop may take; 0 waits for ever.
        pub graceful_shutdown_timeout: u64 = 60;
        /// Whether options are logged at start, at debug level.
        pub log_options: bool = true;

        /// Brokers: `rabbit://user:password@host:port,user:password@host:port/virtual_host?query`.
        pub transport_url: SecretString = "rabbit://".into();
        /// Topic exchange of requests and notifications; magnum's own default, oslo's is `openstack`.
        pub control_exchange: String = "magnum".into();
        /// Seconds that a caller waits for a reply.
        pub rpc_response_timeout: u64 = 60;
        /// Requests that are worked on at once, at most.
        pub executor_thread_pool_size: usize = 64, deprecated("", "rpc_thread_pool_size"), min(1);
        /// Whether `oslo_rpc_server_ping` is answered.
        pub rpc_ping_enabled: bool = false;

        /// Log at debug level.
        pub debug: bool = false, deprecated("", "verbose");
        /// Python logging configuration file; not used.
        pub log_config_append: Option<String> = None,
            deprecated("", "log-config"), deprecated("", "log_config");
        /// `strftime` format of times in the log, without the milliseconds.
        pub log_date_format: String = "%Y-%m-%d %H:%M:%S".into();
        /// Log file, relative to `log_dir`.
        pub log_file: Option<String> = None, deprecated("", "logfile");
        /// Folder of the log file.
        pub log_dir: Option<String> = None, deprecated("", "logdir");
        /// Follow the file when it is moved; removed from oslo.log 7.
        pub watch_log_file: bool = false;
        /// Log to syslog.
        pub use_syslog: bool = false;
        /// Log to the journal.
        pub use_journal: bool = false;
        /// Facility for syslog.
        pub syslog_log_facility: String = "LOG_USER".into();
        /// One JSON object per line.
        pub use_json: bool = false;
        /// Log to standard error.
        pub use_stderr: bool = false;
        /// Colours on standard error.
        pub log_color: bool = false;
        /// Interval of rotation, in units of `log_rotate_interval_type`.
        pub log_rotate_interval: i64 = 1;
        /// Unit of `log_rotate_interval`.
        pub log_rotate_interval_type: String = "days".into();
        /// Rotated files kept.
        pub max_logfile_count: i64 = 30;
        /// Size at which a file is rotated, MiB.
        pub max_logfile_size_mb: i64 = 200;
        /// `interval`, `size` or `none`.
        pub log_rotation_type: String = "none".into();
        /// Line format where there is a request.
        pub logging_context_format_string: String = "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s \
            [%(global_request_id)s %(request_id)s %(user_identity)s] %(instance)s%(message)s".into();
        /// Line format where there is none.
        pub logging_default_format_string: String =
            "%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s".into();
        /// Appended to lines at debug level.
        pub logging_debug_format_suffix: String = "%(funcName)s %(pathname)s:%(lineno)d".into();
        /// Prefix of further lines of an exception.
        pub logging_exception_prefix: String =
            "%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s".into();
        /// How `%(user_identity)s` is made up.
        pub logging_user_identity_format: String =
            "%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s".into();
        /// `logger=LEVEL` pairs.
        pub default_log_levels: Vec<String> = texts(&[
            "amqp=WARN", "boto=WARN", "sqlalchemy=WARN", "suds=INFO", "oslo.messaging=INFO", "oslo_messaging=INFO",
            "iso8601=WARN", "requests.packages.urllib3.connectionpool=WARN", "urllib3.connectionpool=WARN",
            "websocket=WARN", "requests.packages.urllib3.util.retry=WARN", "urllib3.util.retry=WARN",
            "keystonemiddleware=WARN", "routes.middleware=WARN", "stevedore=WARN", "taskflow=WARN",
            "keystoneauth=WARN", "oslo.cache=INFO", "oslo_policy=INFO", "dogpile.core.dogpile=INFO",
        ]);
        /// Emit errors as notifications.
        pub publish_errors: bool = false;
        /// Text for an instance in the log.
        pub instance_format: String = "[instance: %(uuid)s] ".into();
        /// Text for an instance's uuid in the log.
        pub instance_uuid_format: String = "[instance: %(uuid)s] ".into();
        /// Seconds over which lines are counted for rate limiting; 0 switches it off.
        pub rate_limit_interval: i64 = 0;
        /// Lines per interval.
        pub rate_limit_burst: i64 = 0;
        /// Level from which lines are never dropped.
        pub rate_limit_except_level: String = "CRITICAL".into(),
            choices("CRITICAL", "ERROR", "INFO", "WARNING", "DEBUG", "");
    }
}
