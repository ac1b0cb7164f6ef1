//! `allocations CHART`: allocations and allocated bytes of one warm rendering of each cluster of the benchmark, as JSON.

use std::alloc::System;
use std::hint::black_box;
use std::io::Write;

use anyhow::{Context, Result};
use helm::Chart;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).context("which chart?")?;
    let chart = Chart::from_path(folder.as_ref())?;
    let mut counted = Vec::new();
    for (_, values) in bench::clusters()? {
        let render = bench::renderer(&chart, &values)?;
        black_box(render()?);
        let region = Region::new(ALLOCATOR);
        black_box(render()?);
        let heap = region.change();
        counted.push((heap.allocations + heap.reallocations, heap.bytes_allocated));
    }
    serde_json::to_writer(std::io::stdout(), &counted)?;
    writeln!(std::io::stdout())?;
    Ok(())
}
