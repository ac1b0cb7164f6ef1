//! Why a chart could not be rendered.

/// Why a chart could not be rendered. `Display` gives Helm's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A template does not parse.
    #[error("{0}")]
    Parse(String),
    /// A template failed while it was executed, `fail` and `required` included.
    #[error("{0}")]
    Execute(String),
    /// A template is not UTF-8 text.
    #[error("template {name} is not UTF-8 text")]
    NotText {
        /// Full path of the template.
        name: String,
    },
    /// A limit of [`crate::Limits`] was reached.
    #[error("rendering stopped at {template}: {what}")]
    Limit {
        /// The template that was being rendered.
        template: String,
        /// Which limit, and its value.
        what: String,
    },
}

/// Why a [`crate::Lookup`] failed; the text goes into the render error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupError(pub String);
