//! Which kinds of bytes stand in a text that is printed.

/// Kinds of bytes, one bit each. Letters, digits and signs that mean nothing to YAML behind the start are of none.
pub(super) mod kind {
    pub const SPACE: u8 = 1;
    pub const LINE_FEED: u8 = 2;
    /// What may part a key from its value or begin a comment.
    pub const COLON_OR_HASH: u8 = 4;
    /// What is escaped or doubled between quotes.
    pub const QUOTE_OR_BACKSLASH: u8 = 8;
    /// Other signs.
    pub const SIGN: u8 = 16;
    /// Control characters and what is not ASCII.
    pub const ODD: u8 = 32;
}

static KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [kind::ODD; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        kinds[byte as usize] = match byte {
            b' ' => kind::SPACE,
            b':' | b'#' => kind::COLON_OR_HASH,
            b'\'' | b'"' | b'\\' => kind::QUOTE_OR_BACKSLASH,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'/' | b'.' | b'-' | b'=' | b'+' => 0,
            _ => kind::SIGN,
        };
        byte += 1;
    }
    kinds[b'\n' as usize] = kind::LINE_FEED;
    kinds
}

/// A text and the kinds of its bytes.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub text: &'t str,
    kinds: u8,
}

impl<'t> Text<'t> {
    pub fn new(text: &'t str) -> Self {
        let kinds = text.bytes().fold(0, |kinds, b| kinds | KINDS[usize::from(b)]);
        Self { text, kinds }
    }

    /// Whether bytes of one of these kinds are in it.
    pub fn has(self, kinds: u8) -> bool {
        self.kinds & kinds != 0
    }
}
