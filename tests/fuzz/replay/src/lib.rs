//! What the fuzz targets do with their input. The fuzzer (`make fuzz`) and the replay of the kept corpora
//! (`cargo test -p fuzz-replay`) call the same functions; a function that returns has found nothing.

mod bus_targets;
mod helm_targets;

pub use bus_targets::{bus_context, bus_envelope, bus_objects};
pub use helm_targets::{archive_reader, record_decoder, template_parser, template_render, yaml_reader};

/// A target by the name of its corpus folder.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("template_parser", template_parser),
    ("template_render", template_render),
    ("yaml_reader", yaml_reader),
    ("archive_reader", archive_reader),
    ("record_decoder", record_decoder),
    ("bus_envelope", bus_envelope),
    ("bus_context", bus_context),
    ("bus_objects", bus_objects),
];
