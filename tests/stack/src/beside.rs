//! One more conductor on a stack's bus, database and management cluster: of another release, for other drivers, or
//! in place of the stack's own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::magnum::{self, ConductorKind};
use crate::process::Process;
use crate::python;
use crate::release::Release;
use crate::stack::Stack;

const NOTICE: Duration = Duration::from_millis(500);

/// The topic that magnum-api sends to.
pub const TOPIC: &str = "magnum-conductor";

/// A conductor and what its configuration differs in.
#[derive(Clone, Debug)]
pub struct Beside {
    name: String,
    program: Program,
    topic: String,
    conf: String,
}

#[derive(Clone, Debug)]
enum Program {
    Ours(PathBuf),
    Python { release: Release, driver: bool },
}

impl Beside {
    /// Magnum's own conductor of a release, with its Cluster API driver, and helm in its PATH. `name` names its log
    /// and is its `[DEFAULT] host`, so no underscores.
    pub fn python(name: &str, release: Release) -> Self {
        Self::new(
            name,
            Program::Python {
                release,
                driver: true,
            },
        )
    }

    /// One more of ours, at that path.
    pub fn ours(name: &str, program: PathBuf) -> Self {
        Self::new(name, Program::Ours(program))
    }

    fn new(name: &str, program: Program) -> Self {
        Self {
            name: name.to_owned(),
            program,
            topic: TOPIC.to_owned(),
            conf: String::new(),
        }
    }

    /// Listens there, rather than where magnum-api sends to.
    #[must_use]
    pub fn topic(mut self, topic: &str) -> Self {
        topic.clone_into(&mut self.topic);
        self
    }

    /// In an environment that has no Cluster API driver: `[drivers] disabled_drivers` does not keep Python from
    /// working on clusters whose template names the driver.
    #[must_use]
    pub fn without_cluster_api_driver(mut self) -> Self {
        if let Program::Python { driver, .. } = &mut self.program {
            *driver = false;
        }
        self
    }

    /// Lines that override the stack's magnum.conf, such as `[drivers]\nenabled_beta_drivers = k8s_x_v1`.
    #[must_use]
    pub fn conf(mut self, lines: &str) -> Self {
        self.conf.push_str(lines);
        self.conf.push('\n');
        self
    }

    /// Starts it and waits until it takes requests. It ends when what this gives is dropped, if not by
    /// [`Process::stop`] or [`Process::kill`].
    ///
    /// # Errors
    /// When its environment cannot be installed, or it ends or does not consume within two minutes: its log's end.
    pub async fn start(&self, stack: &Stack) -> Result<Process> {
        let (kind, environment) = match &self.program {
            Program::Ours(program) => (ConductorKind::Rust(program.clone()), stack.python().to_path_buf()),
            Program::Python { release, driver } => {
                let environment = if *driver {
                    python::magnum(*release).await?
                } else {
                    python::magnum_without_driver(*release).await?
                };
                (ConductorKind::Python, environment)
            }
        };
        let overrides = stack.home().folder("magnum")?.join(format!("{}.conf", self.name));
        let text = format!(
            "[DEFAULT]\nhost = {}\n[conductor]\ntopic = {}\n{}",
            self.name, self.topic, self.conf
        );
        std::fs::write(&overrides, text).with_context(|| format!("cannot write {}", overrides.display()))?;
        let place = magnum::Place {
            home: stack.home(),
            environment: &environment,
            configs: &[stack.config(), &overrides],
            rabbit: stack.broker_client(),
        };
        // The broker needs a moment to notice that a conductor is gone.
        tokio::time::sleep(NOTICE).await;
        let others = stack
            .broker_client()
            .consumers(&self.topic)
            .await
            .unwrap_or_default();
        magnum::start_conductor(&self.name, &kind, (&self.topic, others), &place)
            .await?
            .context("a conductor of no kind")
    }
}
