//! What can be wrong with a document, in Go's words.

use crate::gofmt;

/// A fault and the line on which it is reported.
#[derive(Debug)]
pub(super) struct Lapse {
    pub line: usize,
    pub fault: Fault,
}

/// What reading gives; a fault ends it.
pub(super) type Found<T> = Result<T, Lapse>;

impl Lapse {
    /// The whole text of the error, for the key that was read last.
    pub fn text(&self, last_key: &str) -> String {
        let Self { line, fault } = self;
        if last_key.is_empty() {
            return format!("toml: line {line}: {fault}");
        }
        format!("toml: line {line} (last key {}): {fault}", gofmt::quote(last_key))
    }
}

/// The faults; a character that is missing was to come after the end of the document.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8")]
    Utf16,
    #[error("invalid UTF-8 byte: 0x{0:02x}")]
    Utf8(u8),
    #[error("TOML files cannot contain control characters: '0x{:02x}'", u32::from(*.0))]
    Control(char),
    #[error("value nests too deeply")]
    Depth,

    #[error(
        "expected a top-level item to end with a newline, comment, or EOF, but got {} instead",
        quoted(.0)
    )]
    LineEnd(Option<char>),
    #[error("unexpected end of table name (table names cannot be empty)")]
    TableNameEnds,
    #[error("unexpected table separator (table names cannot be empty)")]
    TableNameBegins,
    #[error("expected '.' or ']' to end table name, but got {} instead", quoted(.0))]
    TableName(Option<char>),
    #[error("expected end of table array name delimiter ']', but got {} instead", quoted(.0))]
    TablesName(Option<char>),
    #[error("unexpected '=': key name appears blank")]
    KeyBlank,
    #[error("unexpected '.': keys cannot start with a '.'")]
    KeyBegins,
    #[error("unexpected '{0}'")]
    KeyPart(char),
    #[error("unexpected EOF; expected key separator '='")]
    KeyOnly,
    #[error("expected '.' or '=', but got {} instead", quoted(.0))]
    KeyEnd(Option<char>),

    #[error("unexpected EOF; expected value")]
    NoValue,
    #[error("expected value but found {0} instead")]
    Value(String),
    #[error("unexpected comma")]
    Comma,
    #[error("expected a comma (',') or array terminator (']'), but got {}", named(.0))]
    Array(Option<char>),
    #[error("expected a comma or an inline table terminator '}}', but got {} instead", named(.0))]
    Inline(Option<char>),
    #[error("trailing comma not allowed in inline tables")]
    InlineComma,
    #[error("newlines not allowed within inline tables")]
    InlineNewline,

    #[error("unexpected EOF; expected {0}")]
    Unclosed(&'static str),
    #[error("unexpected {0}")]
    TooManyQuotes(&'static str),
    #[error("strings cannot contain newlines")]
    Newline,
    #[error("invalid escape in string '\\{}'", .0.unwrap_or_default())]
    Escape(Option<char>),
    #[error("invalid escape: '\\{0}'")]
    Blank(char),
    #[error("expected {0} hexadecimal digits after '\\{1}', but got {found} instead", found = gofmt::quote(.2))]
    Hex(&'static str, char, String),
    #[error("Escaped character '\\u{0}' is not valid UTF-8.")]
    NoCharacter(String),

    #[error("floats must start with a digit, not '.'")]
    Point,
    #[error("invalid float: '{0}'")]
    Special(String),
    #[error("cannot use sign with non-decimal numbers: '{0}{1}'")]
    SignedBase(String, char),
    #[error("expected a digit but got {}", quoted(.0))]
    Digit(Option<char>),
    #[error("not {0} number: '{1}{2}'")]
    Base(&'static str, String, char),
    #[error("Invalid {0} {text}: underscores must be surrounded by digits", text = gofmt::quote(.1))]
    Underscore(&'static str, String),
    #[error("Invalid {0} {text}: cannot have leading zeroes", text = gofmt::quote(.1))]
    Zeroes(&'static str, String),
    #[error("Invalid float {}: '.' must be followed by one or more digits", gofmt::quote(.0))]
    Fraction(String),
    #[error("Invalid float value: {}", gofmt::quote(.0))]
    Float(String),
    #[error("{0} is out of range for {1}")]
    Range(String, &'static str),
    #[error("invalid datetime: {}", gofmt::quote(.0))]
    Datetime(String),

    #[error("Key '{0}' was already created as a hash.")]
    NoTable(String),
    #[error("Key '{0}' was already created and cannot be used as an array.")]
    NoTables(String),
    #[error("Key '{0}' has already been defined.")]
    Defined(String),
    #[error("{} is not a table", gofmt::quote(.0))]
    NoInlineTable(String),
}

/// A character as a Go literal; the end is a zero.
pub(super) fn quoted(c: &Option<char>) -> String {
    let mut out = String::from("'");
    gofmt::quote_char(&mut out, c.unwrap_or_default(), '\'', false);
    out.push('\'');
    out
}

/// A character between quotes, or the end by its name.
fn named(c: &Option<char>) -> String {
    c.map_or_else(|| "end of file".into(), |c| format!("'{c}'"))
}
