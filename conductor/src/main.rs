//! `magnum-conductor`: see ARCHITECTURE.md.

use anyhow::Context;
use clap::Parser;
use magnum_conductor::{
    cli::{Arguments, Command},
    log, report, service,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = conductor_config::Settings::load(&arguments.files(), &arguments.config_dir)
        .context("the configuration cannot be used")?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    match arguments.command {
        None => {
            log::init(&log::LogOptions::new(&settings, arguments.debug))
                .context("logging cannot be started")?;
            let outcome = runtime.block_on(service::run(settings));
            // The log is where an operator looks; standard error is for whoever starts it by hand.
            if let Err(error) = &outcome {
                tracing::error!("the service cannot run: {error:#}");
            }
            outcome
        }
        Some(Command::Operations) => runtime.block_on(report::operations(&settings, &mut std::io::stdout())),
        Some(Command::Migrate) => runtime.block_on(report::migrate(&settings)),
    }
}
