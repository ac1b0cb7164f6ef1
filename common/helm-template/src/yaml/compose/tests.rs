//! The line reader beside the scanner, over random documents.

use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Pieces from which documents are made that come close to what [`lines`] reads, on this side and on the other.
const PIECES: &[&str] = &[
    "a",
    "b",
    "key",
    "- ",
    "-",
    ": ",
    ":",
    "\n",
    "\n",
    "\n  ",
    "\n  ",
    "\n    ",
    "\n      ",
    " ",
    "  ",
    "#",
    " # c",
    "'",
    "\"",
    "\\",
    "|",
    "|-",
    "|+",
    "|2",
    ">",
    "{}",
    "[]",
    "{",
    "]",
    "true",
    "on",
    "12",
    "0x1f",
    "1.5",
    ".inf",
    "~",
    "null",
    "2001-01-02",
    "<<",
    "&",
    "*",
    "!",
    "%",
    "?",
    "---",
    "...",
    "é",
    "\t",
    "a: b",
    "- c",
    "x: |\n",
    "'it''s'",
    "\"q\\\"\"",
    "\\n",
    ",",
    "@",
    "`",
];

/// What stands on the lines of other documents, behind some indentation.
const LINES: &[&str] = &[
    "a:",
    "b: c",
    "- d",
    "-",
    "- a: 1",
    "- - x",
    "text",
    "more text # c",
    "# c",
    "",
    "'q': \"r\"",
    "x: |",
    "- |-",
    "y: |2",
    "z: >",
    "b: ~",
    "n: 12",
    "t: 'it''s'",
    "u: v: w",
    "e: {}",
    "- []",
    "s: ' '",
    "k :  v  ",
    "p: a:b#c",
    "---",
    "? a",
    "on: off",
];

fn document(random: &mut StdRng) -> String {
    let count = random.random_range(1..14);
    if random.random_bool(0.5) {
        let pieces = (0..count).filter_map(|_| PIECES.choose(random));
        return pieces.copied().collect();
    }
    let mut column = 0;
    let mut text = String::new();
    for _ in 0..count {
        text.push_str(&" ".repeat(column));
        text.push_str(LINES.choose(random).unwrap());
        text.push('\n');
        let deeper = text.ends_with(":\n") || random.random_bool(0.1);
        column = match random.random_range(0..8) {
            0 => column.saturating_sub(2),
            1 => random.random_range(0..8),
            _ if deeper => column + 2,
            _ => column,
        };
    }
    text
}

#[test]
fn lines_are_read_as_the_scanner_reads_them() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let mut random = StdRng::seed_from_u64(number("YAML_SEED").unwrap_or(4));
    let (mut read, mut nested) = (0, 0);
    for _ in 0..number("YAML_CASES").unwrap_or(200_000) {
        let text = document(&mut random);
        if let Some(data) = lines::read::<Json>(&text) {
            read += 1;
            nested += u32::from(text.contains(":\n "));
            assert_eq!(scan::<Json>(text.as_bytes()), Ok(data), "{text:?}");
        }
    }
    assert!(read > 10_000 && nested > 500, "{read} {nested}");
}
