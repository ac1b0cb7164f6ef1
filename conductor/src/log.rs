//! Log lines as oslo.log writes them, so that kolla's fluentd pattern and operators' habits keep working:
//! `2026-01-31 12:00:00.123 7 INFO module [global_request_id request_id user project domain system user_domain project_domain] text`.
//! The rule: oslo.log 7 `_options.py`, `logging_context_format_string` and `logging_user_identity_format`.

use std::{
    fmt::{self, Write as _},
    fs::OpenOptions,
    io,
    path::PathBuf,
    sync::Mutex,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Where and how much to log.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// `[DEFAULT] debug`.
    pub debug: bool,
    /// `[DEFAULT] log_file` below `log_dir`; standard error if none.
    pub file: Option<PathBuf>,
}

impl LogOptions {
    /// From `[DEFAULT]`: `debug`, `log_dir`, `log_file`, `use_stderr`; `debug` of the command line adds to it.
    pub fn new(settings: &conductor_config::Settings, debug: bool) -> Self {
        let default = &settings.default;
        let dir = default.log_dir.as_deref().filter(|dir| !dir.is_empty());
        let file = match (dir, default.log_file.as_deref().filter(|file| !file.is_empty())) {
            (Some(dir), Some(file)) => Some(PathBuf::from(dir).join(file)),
            (None, Some(file)) => Some(file.into()),
            // oslo.log names the file after the program then.
            (Some(dir), None) => Some(PathBuf::from(dir).join("magnum-conductor.log")),
            (None, None) => None,
        };
        Self {
            debug: debug || default.debug,
            file,
        }
    }
}

/// Libraries whose own lines drown ours (lapin's errors are told by the bus, once per change of state), as oslo.log's `default_log_levels` does for Python's.
const QUIET: &str = "hyper=warn,hyper_util=warn,h2=warn,rustls=warn,sqlx=warn,tower=warn,lapin=off,async_rs=warn,\
     reqwest=warn,kube_client=warn,kube_runtime=warn,openstack=info,osauth=info";

/// Starts logging for the process.
///
/// # Errors
/// If the log file cannot be opened or logging was started before.
pub fn init(options: &LogOptions) -> io::Result<()> {
    let level = if options.debug { "debug" } else { "info" };
    let filter = EnvFilter::new(format!("{level},{QUIET}"));
    let registry = tracing_subscriber::registry().with(filter).with(RequestLayer);
    let lines = tracing_subscriber::fmt::layer().event_format(OsloFormat {
        process: std::process::id(),
    });
    let done = match &options.file {
        // Append mode: kolla's logrotate copies and truncates the file under us.
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| {
                    io::Error::new(error.kind(), format!("log file {}: {error}", path.display()))
                })?;
            registry
                .with(lines.with_ansi(false).with_writer(Mutex::new(file)))
                .try_init()
        }
        None => registry
            .with(lines.with_ansi(false).with_writer(io::stderr))
            .try_init(),
    };
    done.map_err(io::Error::other)
}

/// The request's identity, kept on its span (see [`crate::rpc`]).
#[derive(Clone, Debug, Default)]
struct Identity {
    global_request_id: Option<String>,
    request_id: Option<String>,
    user: Option<String>,
    project: Option<String>,
    domain: Option<String>,
    user_domain: Option<String>,
    project_domain: Option<String>,
}

impl Visit for Identity {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match field.name() {
            "global_request_id" => &mut self.global_request_id,
            "request_id" => &mut self.request_id,
            "user" => &mut self.user,
            "project" => &mut self.project,
            "domain" => &mut self.domain,
            "user_domain" => &mut self.user_domain,
            "project_domain" => &mut self.project_domain,
            _ => return,
        };
        if !value.is_empty() {
            *slot = Some(value.to_owned());
        }
    }
}

struct RequestLayer;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RequestLayer {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "request" {
            return;
        }
        let mut identity = Identity::default();
        attributes.record(&mut identity);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(identity);
        }
    }
}

struct OsloFormat {
    process: u32,
}

impl<S, N> FormatEvent<S, N> for OsloFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f");
        let module = metadata.target().replace("::", ".");
        write!(line, "{now} {} {level} {module} ", self.process)?;
        match identity(context) {
            Some(identity) => write!(line, "[{identity}] ")?,
            None => line.write_str("[-] ")?,
        }
        let mut text = Text::default();
        event.record(&mut text);
        writeln!(line, "{}{}", text.message, text.fields)
    }
}

fn identity<S, N>(context: &FmtContext<'_, S, N>) -> Option<Identity>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    context
        .event_scope()?
        .find_map(|span| span.extensions().get::<Identity>().cloned())
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or_none<'a>(value: &'a Option<String>, none: &'a str) -> &'a str {
            value.as_deref().unwrap_or(none)
        }
        // oslo.log prints None for missing ids and '-' inside the user identity; the fifth is the system scope.
        write!(
            f,
            "{} {} {} {} {} - {} {}",
            or_none(&self.global_request_id, "None"),
            or_none(&self.request_id, "None"),
            or_none(&self.user, "-"),
            or_none(&self.project, "-"),
            or_none(&self.domain, "-"),
            or_none(&self.user_domain, "-"),
            or_none(&self.project_domain, "-"),
        )
    }
}

/// An event's message and its fields, as ` key=value` behind it. Line breaks are escaped: one event is one line.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}").replace('\n', "\\n");
        if field.name() == "message" {
            self.message = value;
        } else {
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_written_as_oslo_log_does() {
        let identity = Identity {
            request_id: Some("req-1".into()),
            user: Some("u".into()),
            project: Some("p".into()),
            user_domain: Some("default".into()),
            ..Identity::default()
        };
        assert_eq!(identity.to_string(), "None req-1 u p - - default -");
    }
}
