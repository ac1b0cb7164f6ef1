//! What can go wrong, one enum per domain.

use std::path::PathBuf;
use std::time::Duration;

use helm_template::go_quote;

/// A chart that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The chart has no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoMetadata,
    /// A file of the chart is not what it should be.
    #[error("cannot load {file}: {message}")]
    File {
        /// Path inside the chart.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// `Chart.yaml` lacks a required field or has one that Helm refuses.
    #[error("validation: {0}")]
    Metadata(String),
    /// The archive cannot be read, or it holds something that would leave its folder.
    #[error("chart archive: {0}")]
    Archive(String),
    /// A limit was passed that protects against hostile charts.
    #[error("chart archive: {what} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The archive, or the file in it.
        what: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// More files than any honest chart has.
    #[error("chart holds more than {limit} files")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Charts nested in charts deeper than the limit.
    #[error("chart {0} is nested too deeply")]
    TooDeep(String),
    /// A chart in the chart is not what it should be.
    #[error("error unpacking subchart {name} in {parent}: {source}")]
    SubChart {
        /// Its folder or archive.
        name: String,
        /// The chart that it is in.
        parent: String,
        /// What is wrong with it.
        source: Box<ChartError>,
    },
    /// A link in the chart's folder leads nowhere.
    #[error("error evaluating symlink {path}: {message}")]
    Link {
        /// Where the link lies.
        path: PathBuf,
        /// Why it cannot be followed.
        message: String,
    },
    /// Something in the chart's folder is neither file, folder nor link.
    #[error("cannot load irregular file {0} as it has file mode type bits set")]
    Irregular(PathBuf),
    /// A dependency named in `Chart.yaml` is not in `charts/`.
    #[error("found in Chart.yaml, but missing in charts/ directory: {0}")]
    MissingDependencies(String),
    /// The file system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why it could not be.
        source: std::io::Error,
    },
}

/// A chart that cannot be got from where it is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The reference is neither a path, nor `oci://`, nor `repo/chart` with a repository.
    #[error(
        "cannot tell where chart {0:?} comes from: not a folder or archive, not oci://, and no repository given"
    )]
    Reference(String),
    /// The repository could not be asked, and nothing usable is cached.
    #[error("chart repository {url}: {message}")]
    Repository {
        /// URL without user and password.
        url: String,
        /// What happened.
        message: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// The repository does not hold the chart, or no version in the range.
    #[error("chart {name:?} version {version:?} not found in {url} repository")]
    NotFound {
        /// Chart asked for.
        name: String,
        /// Range asked for; empty for the newest.
        version: String,
        /// Repository, without user and password.
        url: String,
    },
    /// What was downloaded is not what the index promised.
    #[error("chart {url}: digest is {got}, the index says {want}")]
    Digest {
        /// Where it was downloaded.
        url: String,
        /// Digest of what came.
        got: String,
        /// Digest in the index.
        want: String,
    },
    /// The version range cannot be parsed.
    #[error("improper constraint: {0}")]
    Version(String),
    /// A CA file, client certificate or proxy that cannot be used.
    #[error("{0}")]
    Client(String),
    /// The chart's provenance was to be verified, and is not as it should be.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The chart came but cannot be loaded.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

impl SourceError {
    /// Whether the same call may succeed later without anything being corrected.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Repository { transient, .. }
            | Self::Provenance(ProvenanceError::Fetch { transient, .. }) => *transient,
            Self::Digest { .. } => true,
            _ => false,
        }
    }
}

/// A chart whose provenance cannot be verified; the words are Helm's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// The repository or registry does not give the chart's provenance file.
    #[error("failed to fetch provenance {}", go_quote(.url))]
    Fetch {
        /// Where it should be, without user and password.
        url: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// There is no provenance file beside the archive.
    #[error("could not load provenance file {path}: stat {path}: {reason}")]
    Missing {
        /// Where it should be.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The archive or its provenance file cannot be read.
    #[error("open {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The chart is a folder, which has no provenance.
    #[error("unpacked charts cannot be verified")]
    Directory,
    /// The chart is a file of another name than `*.tgz`.
    #[error("chart must be a tgz file")]
    NotTgz,
    /// The keyring cannot be read, or none of its keys can.
    #[error("failed to load keyring: {0}")]
    Keyring(String),
    /// The provenance file holds no clear-signed message.
    #[error("failed to decode signature: signature block not found")]
    NoSignature,
    /// The signature is none that could be checked.
    #[error("openpgp: invalid data: {0}")]
    Malformed(String),
    /// The signature is of a kind that does not sign documents.
    #[error("openpgp: unsupported feature: {0}")]
    Unsupported(String),
    /// No key of the keyring made the signature.
    #[error("openpgp: signature made by unknown entity")]
    UnknownEntity,
    /// The text is not what the key signed.
    #[error("openpgp: invalid signature: {0}")]
    BadSignature(String),
    /// The signed text does not consist of metadata and sums.
    #[error("message block must have at least two parts")]
    Parts,
    /// A part of the signed text is no YAML.
    #[error("{0}")]
    Yaml(String),
    /// The signed text says nothing of the archive.
    #[error("provenance does not contain a SHA for a file named {}", go_quote(.0))]
    NoSum(String),
    /// The archive is not the one that was signed.
    #[error("sha256 sum does not match for {name}: {} != {}", go_quote(.want), go_quote(.got))]
    Sum {
        /// File name of the archive.
        name: String,
        /// What was signed.
        want: String,
        /// What came.
        got: String,
    },
}

/// A chart and values that do not make a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderFailure {
    /// The chart's `kubeVersion` excludes the API server's version.
    #[error("chart requires kubeVersion: {required} which is incompatible with Kubernetes {actual}")]
    KubeVersion {
        /// The range in `Chart.yaml`.
        required: String,
        /// The API server's version.
        actual: String,
    },
    /// Library charts cannot be installed.
    #[error("{0} charts are not installable")]
    NotInstallable(String),
    /// Values that do not fit the chart (`type mismatch on ...`).
    #[error("{0}")]
    Values(String),
    /// Values refused by `values.schema.json`; the text is Helm's.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(String),
    /// A dependency is missing.
    #[error(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: {0}"
    )]
    Dependencies(#[from] ChartError),
    /// A template failed; the text is Helm's, with the position.
    #[error(transparent)]
    Template(#[from] helm_template::RenderError),
    /// A rendered document is not YAML.
    #[error("YAML parse error on {file}: {message}")]
    Yaml {
        /// Template that rendered it.
        file: String,
        /// The parser's words.
        message: String,
    },
}

impl RenderFailure {
    /// Whether there is something to show: the values fit and rendering began.
    pub fn has_begun(&self) -> bool {
        matches!(
            self,
            Self::KubeVersion { .. } | Self::Template(_) | Self::Yaml { .. }
        )
    }
}

/// What the API server said against one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was tried, as Helm words it (`cannot patch "x" with kind Y`, `failed to create resource`).
    pub action: String,
    /// Kind of the object.
    pub kind: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// The API server's words.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.action, self.message)
    }
}

fn join(refusals: &[Refusal]) -> String {
    refusals
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" && ")
}

/// An operation on a release that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Not a name that Helm accepts.
    #[error(
        "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53: {0:?}"
    )]
    InvalidName(String),
    /// Chart and values do not make a manifest; nothing was written.
    #[error(transparent)]
    Render(#[from] RenderFailure),
    /// A document of the manifest has no kind or name, or a kind that the API server does not serve;
    /// nothing was written.
    #[error("unable to build kubernetes objects from {what} manifest: {message}")]
    Build {
        /// `release`, `new release` or `current release`.
        what: &'static str,
        /// What is wrong, as Helm says it.
        message: String,
    },
    /// An object exists and belongs to somebody else; nothing was written.
    #[error("Unable to continue with {action}: {message}")]
    NotOwned {
        /// `install` or `update`.
        action: &'static str,
        /// Which object and why, as Helm says it.
        message: String,
    },
    /// The API server, asked with `dryRun=All`, refused; nothing was written.
    #[error("{}", join(.0))]
    Refused(Vec<Refusal>),
    /// Somebody else's operation on the release is in progress (helm's words), and too young to be
    /// taken for dead.
    #[error(
        "another operation (install/upgrade/rollback) is in progress: revision {revision} is {status} since {age:?}"
    )]
    Pending {
        /// Revision of the pending record.
        revision: u64,
        /// Its status.
        status: String,
        /// How long it has been so.
        age: Duration,
    },
    /// Another writer changed the release's records under our hands.
    #[error("release {0}: changed by another client at the same time")]
    Conflict(String),
    /// An object of a release that is to be installed is on its way out; it has to be gone before it can be made
    /// again.
    #[error("{0} is being deleted")]
    BeingDeleted(String),
    /// There are records, but none that an upgrade could start from (a release being uninstalled).
    #[error("{0:?} has no deployed releases")]
    NoDeployedRelease(String),
    /// No record of that name.
    #[error("release: not found")]
    NotFound,
    /// The history does not hold that revision.
    #[error("release has no {0} version")]
    NoRevision(u64),
    /// A hook failed.
    #[error("{message}")]
    Hook {
        /// In Helm's words.
        message: String,
        /// The API server did not take the hook's object for now.
        transient: bool,
    },
    /// Writing to the API server failed part of the way; the revision is recorded as failed and the next
    /// upgrade puts right what was left.
    #[error("{message}")]
    Apply {
        /// Revision that is recorded as failed.
        revision: u64,
        /// The errors of all objects, joined as Helm joins them.
        message: String,
        /// Whether all of them were of the passing kind.
        transient: bool,
    },
    /// A record that cannot be decoded.
    #[error("release record {name}: {message}")]
    Record {
        /// Name of the Secret.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The API server could not be asked, or refused to read.
    #[error("{action}: {message}")]
    Api {
        /// What was asked.
        action: String,
        /// HTTP status; 0 when there was no answer.
        code: u16,
        /// The API server's, or the client's, words.
        message: String,
    },
    /// The operation took longer than the caller allowed.
    #[error("{what}: timed out after {after:?}")]
    DeadlineExceeded {
        /// What was being waited for.
        what: String,
        /// The limit.
        after: Duration,
    },
    /// A task of our own ended in an unexpected way.
    #[error("internal: {0}")]
    Internal(String),
}

impl ReleaseError {
    /// Whether the same call may succeed later without anything being corrected: the API server was not
    /// reachable, overloaded or in conflict, or another operation is in progress.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Pending { .. }
            | Self::Conflict(_)
            | Self::BeingDeleted(_)
            | Self::DeadlineExceeded { .. } => true,
            Self::Apply { transient, .. } | Self::Hook { transient, .. } => *transient,
            Self::Api { code, .. } => transient_code(*code),
            _ => false,
        }
    }
}

/// HTTP status codes that say "not now" rather than "no"; 0 stands for no answer at all.
///
/// 401 is one of them: a token or client certificate is being renewed more often than it is wrong.
pub(crate) fn transient_code(code: u16) -> bool {
    matches!(code, 0 | 401 | 408 | 409 | 429) || code >= 500
}

/// Why a file could not be used, as Go words it.
pub fn go_reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "is a directory".to_owned(),
        ErrorKind::NotADirectory => "not a directory".to_owned(),
        // Without the number that Rust adds.
        _ => {
            let words = error.to_string();
            words.split(" (os error").next().unwrap_or(&words).to_lowercase()
        }
    }
}

/// A file that cannot be opened or read, as Go's `os.ReadFile` words it.
pub fn go_file_error(path: &str, error: &std::io::Error) -> String {
    let verb = match error.kind() {
        std::io::ErrorKind::IsADirectory => "read",
        _ => "open",
    };
    format!("{verb} {path}: {}", go_reason(error))
}
