//! A server as a child process: its log file, its pid file, its readiness and its end.

mod identity;

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Signal, kill_process, kill_process_group};

use self::identity::Identity;
use crate::environment::{clean_environment, forget_cargo};
use crate::home::Home;

/// How often readiness and ends are looked for.
const POLL: Duration = Duration::from_millis(50);

/// What to start.
#[derive(Clone, Debug)]
pub struct Spec {
    name: String,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    own_network: bool,
}

impl Spec {
    /// `name` names the log and the pid file; `program` is a path or is looked up in PATH.
    pub fn new(name: &str, program: impl AsRef<OsStr>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            folder: None,
            own_network: true,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets several environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, vars: impl IntoIterator<Item = (K, V)>) -> Self {
        self.env.extend(
            vars.into_iter()
                .map(|(k, v)| (k.as_ref().to_owned(), v.as_ref().to_owned())),
        );
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_path_buf());
        self
    }

    /// Keeps the caller's proxies and certificate authorities: it fetches something, rather than talk to our servers.
    #[must_use]
    pub fn to_the_internet(mut self) -> Self {
        self.own_network = false;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if self.own_network {
            clean_environment(&mut command);
        }
        forget_cargo(&mut command);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// A started server, leader of its own process group. Dropping it kills the group, unless
/// [`Process::leave_running`] was called.
#[derive(Debug)]
pub struct Process {
    name: String,
    identity: Identity,
    child: Option<Child>,
    log: PathBuf,
    pid_file: PathBuf,
    ends_with_us: bool,
}

impl Process {
    /// Starts `spec` with its output appended to the home's log and its id in the home's pid file.
    ///
    /// # Errors
    /// When the program cannot be started, with its name and the cause.
    pub fn spawn(home: &Home, spec: Spec) -> Result<Self> {
        let log = home.log(&spec.name);
        let open = || -> Result<File> {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&log)
                .with_context(|| format!("cannot write {}", log.display()))
        };
        let child = spec
            .command()
            .stdin(Stdio::null())
            .stdout(open()?)
            .stderr(open()?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}: {}", spec.name, spec.program.display()))?;
        let identity = Identity::of(child.id())?;
        let pid_file = home.pid_file(&spec.name);
        identity.write(&pid_file)?;
        Ok(Self {
            name: spec.name,
            identity,
            child: Some(child),
            log,
            pid_file,
            ends_with_us: true,
        })
    }

    /// Takes up a process that another run of the program left running; `None` when it is not there any more.
    pub fn attach(home: &Home, name: &str) -> Option<Self> {
        let pid_file = home.pid_file(name);
        let identity = Identity::read(&pid_file).ok()?;
        let process = Self {
            name: name.to_owned(),
            identity,
            child: None,
            log: home.log(name),
            pid_file,
            ends_with_us: false,
        };
        process.identity.exists().then_some(process)
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.identity.pid
    }

    /// The file that its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Does not end with this value or this program any more.
    pub fn leave_running(&mut self) {
        self.ends_with_us = false;
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.identity.exists(),
        }
    }

    /// The last lines of its log, for an error message.
    pub fn log_tail(&self) -> String {
        tail(&self.log, 4096)
    }

    /// Waits until `probe` says yes.
    ///
    /// # Errors
    /// When the process ends before, or `limit` passes; both show the tail of the log. `what` ends the sentence
    /// "rabbitmq did not ... in 60 s", such as `"accept connections"`.
    pub async fn wait_until<F>(&mut self, what: &str, limit: Duration, mut probe: F) -> Result<()>
    where
        F: AsyncFnMut() -> bool,
    {
        let end = Instant::now() + limit;
        loop {
            if probe().await {
                return Ok(());
            }
            let state = if !self.is_running() {
                "ended before it did".to_owned()
            } else if Instant::now() >= end {
                format!("did not, within {} s,", limit.as_secs())
            } else {
                tokio::time::sleep(POLL).await;
                continue;
            };
            return Err(anyhow!(
                "{} {state} {what}; the end of {}:\n{}",
                self.name,
                self.log.display(),
                self.log_tail()
            ));
        }
    }

    /// Waits until something accepts connections on 127.0.0.1:`port`.
    pub async fn wait_port(&mut self, port: u16, limit: Duration) -> Result<()> {
        let what = format!("accept connections on port {port}");
        self.wait_until(&what, limit, async || accepts(port).await).await
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if !self.identity.exists() {
            bail!(
                "{} (process {}) is not there any more",
                self.name,
                self.identity.pid
            );
        }
        kill_process(self.identity.id()?, signal)
            .with_context(|| format!("cannot signal {} (process {})", self.name, self.identity.pid))
    }

    /// Asks it to end (SIGTERM to the process), waits up to `grace`, and kills what is left of its group.
    pub async fn stop(mut self, grace: Duration) -> Result<()> {
        let end = Instant::now() + grace;
        if self.is_running() {
            // It may have ended by itself in between.
            let _ = self.signal(Signal::TERM);
            while self.is_running() && Instant::now() < end {
                tokio::time::sleep(POLL).await;
            }
        }
        self.kill().await
    }

    /// Kills the whole group with SIGKILL, without a warning, and waits until the process is gone.
    pub async fn kill(mut self) -> Result<()> {
        self.kill_group();
        let end = Instant::now() + Duration::from_secs(10);
        while self.is_running() {
            if Instant::now() >= end {
                bail!("{} (process {}) cannot be killed", self.name, self.identity.pid);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Kills the group and forgets it; later calls do nothing, because its number may be another's by then.
    fn kill_group(&mut self) {
        if std::mem::replace(&mut self.identity.group_killed, true) {
            return;
        }
        // Either the leader is ours, or it has ended and only members of our group can keep its number in use.
        let leader_replaced = self
            .identity
            .start_of_current()
            .is_some_and(|s| s != self.identity.start);
        if !leader_replaced && let Ok(id) = self.identity.id() {
            let _ = kill_process_group(id, Signal::KILL);
        }
        let _ = std::fs::remove_file(&self.pid_file);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ends_with_us {
            self.kill_group();
            if let Some(child) = &mut self.child {
                let _ = child.wait();
            }
        }
    }
}

/// Whether something accepts connections on 127.0.0.1:`port`.
pub async fn accepts(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// A client for servers on loopback. It keeps no connections, because tests with a runtime each share it; `limit`
/// is in seconds.
pub fn http_client(limit: u64) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder
        .timeout(Duration::from_secs(limit))
        .build()
        .context("cannot make an HTTP client")
}

/// The end of a text file, from the start of a line.
pub fn tail(file: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(file)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut raw = Vec::new();
        file.read_to_end(&mut raw)?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        Ok(if length > bytes {
            text.split_once('\n').map_or(text.clone(), |(_, t)| t.to_owned())
        } else {
            text
        })
    };
    match read() {
        Ok(text) if text.trim().is_empty() => "(nothing was written)".to_owned(),
        Ok(text) => text,
        Err(e) => format!("(cannot be read: {e})"),
    }
}

/// Runs a short command to its end and gives its standard output.
///
/// # Errors
/// When it cannot be started or does not exit 0: the command, and the end of what it wrote to both streams.
pub async fn run(spec: Spec) -> Result<String> {
    let name = spec.name.clone();
    let mut command = tokio::process::Command::from(spec.command());
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {name}: {}", spec.program.display()))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    let err = String::from_utf8_lossy(&output.stderr);
    bail!(
        "{name} failed ({}):\n{}",
        output.status,
        last_lines(&format!("{out}\n{err}"), 40)
    )
}

/// The name of whoever runs us: of the user for `-un`, of the group for `-gn`.
pub async fn own_name(flag: &str) -> Result<String> {
    Ok(run(Spec::new("id", "id").arg(flag)).await?.trim().to_owned())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_ends_early_is_reported_with_its_words() {
        let home = Home::temporary().unwrap();
        let spec = Spec::new("short", "sh").args(["-c", "echo the reason; exit 3"]);
        let mut process = Process::spawn(&home, spec).unwrap();
        let port = crate::ports::free().unwrap();
        let error = process
            .wait_port(port, Duration::from_secs(20))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("short ended before it did accept connections"),
            "{error}"
        );
        assert!(error.contains("the reason"), "{error}");
    }

    #[tokio::test]
    async fn a_deadline_is_reported() {
        let home = Home::temporary().unwrap();
        let mut process = Process::spawn(&home, Spec::new("idle", "sleep").args(["1000"])).unwrap();
        let error = process
            .wait_until("answer", Duration::from_millis(100), async || false)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("idle did not, within 0 s, answer"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn stop_kills_what_ignores_sigterm_and_its_children() {
        let home = Home::temporary().unwrap();
        let script = "trap '' TERM; sleep 1000 & echo child $!; wait; wait; wait";
        let mut process = Process::spawn(&home, Spec::new("stubborn", "sh").args(["-c", script])).unwrap();
        let log = process.log().to_path_buf();
        process
            .wait_until("start", Duration::from_secs(10), async || {
                tail(&log, 100).starts_with("child")
            })
            .await
            .unwrap();
        let child: u32 = tail(&log, 100)
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        assert!(identity::start_time(child).is_some());
        process.stop(Duration::from_millis(200)).await.unwrap();
        for _ in 0..100 {
            if identity::start_time(child).is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the child outlived its group's leader");
    }

    #[tokio::test]
    async fn a_process_left_running_is_found_again_by_its_pid_file() {
        let home = Home::temporary().unwrap();
        let mut first = Process::spawn(&home, Spec::new("stays", "sleep").args(["1000"])).unwrap();
        first.leave_running();
        let pid = first.pid();
        let second = Process::attach(&home, "stays").unwrap();
        assert_eq!(second.pid(), pid);
        second.kill().await.unwrap();
        assert!(!first.is_running());
        assert!(Process::attach(&home, "stays").is_none());
    }

    #[test]
    fn a_pid_file_of_another_process_is_not_taken_up() {
        let home = Home::temporary().unwrap();
        std::fs::write(home.pid_file("other"), format!("{} 1\n", std::process::id())).unwrap();
        assert!(Process::attach(&home, "other").is_none());
    }

    #[tokio::test]
    async fn run_gives_output_or_both_streams_as_error() {
        assert_eq!(
            run(Spec::new("echo", "echo").args(["hello"])).await.unwrap(),
            "hello\n"
        );
        let error = run(Spec::new("bad", "sh").args(["-c", "echo one; echo two >&2; exit 1"]))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("one") && text.contains("two") && text.contains("exit status: 1"),
            "{text}"
        );
    }
}
