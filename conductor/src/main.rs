//! `magnum-conductor`: see ARCHITECTURE.md.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use magnum_conductor::{
    cli::{self, Arguments, Command},
    log, report, service,
};

/// Rendering a chart and the messages of the bus are made of small pieces: glibc's allocator takes a seventh more time for
/// them, and that of musl, with which static executables are built, far more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a worker's stack. Acceptance polls many futures inside each other and charts nest their templates: an
/// unoptimised build was seen to overflow tokio's two megabytes. Only what is touched takes memory.
const STACK: usize = 16 << 20;

fn main() -> anyhow::Result<ExitCode> {
    let all: Vec<OsString> = std::env::args_os().collect();
    if let Some((before, after)) = cli::split_at_template(&all) {
        return template(&Arguments::parse_from(before), after);
    }
    run(Arguments::parse_from(all)).map(|()| ExitCode::SUCCESS)
}

fn template(global: &Arguments, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let (mut stdin, mut stdout, mut stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let variable = |name| std::env::var(name).ok();
    let environment = cli::template::Environment {
        namespace: variable("HELM_NAMESPACE"),
        debug: match global.debug {
            true => Some("true".to_owned()),
            false => variable("HELM_DEBUG"),
        },
    };
    let code = runtime.block_on(cli::template::run(
        arguments.iter().map(|text| text.to_string_lossy().into_owned()),
        &environment,
        &mut stdin,
        &mut stdout,
        &mut stderr,
    ))?;
    Ok(code.into())
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = conductor_config::Settings::load(&arguments.files(), &arguments.config_dir)
        .context("the configuration cannot be used")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .context("the runtime cannot be started")?;
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
        // Done in `main`, without a configuration.
        Some(Command::Template) => Ok(()),
    }
}
