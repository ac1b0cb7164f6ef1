//! Random values as YAML text in flow style: every type, and what YAML 1.1 makes of odd scalars.

use super::{Dice, texts};

/// Plain scalars as they stand in YAML.
const PLAIN: &[&str] = &[
    "yes",
    "No",
    "on",
    "OFF",
    "true",
    "True",
    "null",
    "~",
    "Null",
    "NULL",
    "y",
    "n",
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "10",
    "42",
    "100",
    "017",
    "0o17",
    "0x1F",
    "0b101",
    "-0b11",
    "1_000",
    "1_000.5",
    "+1",
    "1e3",
    "1E3",
    "1e+3",
    "1.5",
    "-2.75",
    "0.1",
    ".5",
    "5.",
    "1.0",
    "100.0",
    "1e21",
    "1e20",
    "123456789012",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e-7",
    "0.000001",
    "1e308",
    "5e-324",
    "3.14159265358979",
    "1e400",
    "-0",
    "-0.0",
    "12:30:45",
    "1:30",
    "190:20:30.15",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43",
    "=",
    "abc",
    "a b",
    "a.b",
    "a-b",
    "!!str 12",
    "!!int '12'",
    "!!float 3",
    "!!binary aGVsbG8=",
    "!!bool 'true'",
    "!!null ''",
    "!x y",
    "v1.2.3",
    "0.0.1",
    "1.2",
    "08",
    "09",
    "0x",
    "0b",
    "1e",
    "e1",
    "._",
    "-.5",
    "+.5",
    "1__0",
    "_1",
    "0_7",
    ".1_0",
    "1_.5",
    "0x_1f",
    "0b1_1",
    "1e-400",
    "123456789.123456789",
    "4294967296",
    "-2147483649",
    "1e15",
    "1e16",
    "0.1e-6",
    "1e+21",
    "<<",
    "TRUE",
    "oFF",
    "NO",
    "~x",
    "2001-1-1",
    "2001-13-01",
    "2001-01-01 01:02:03.5 +1",
    "2001-01-01T01:02:03Z",
    "0777",
    "0o8",
    "1,000",
    "é",
    "日本",
    "a#b",
    "a: b",
    "-a",
    "?a",
    ":a",
    "!!float 1e3",
    "!!int 0x1f",
    "!!str null",
    "!!str",
    "!!timestamp 2001-01-01",
    "!!binary '/w=='",
    "! 12",
    "!local 12",
    "!<tag:yaml.org,2002:str> 12",
    "!!merge <<",
    "&n 12",
    "&t text",
];

/// Plain scalars that are refused, for what their tags say or for what JSON cannot hold.
const REFUSED: &[&str] = &[
    "!!float x",
    "!!int 1.0",
    "!!null x",
    "!!binary x",
    "!!bool maybe",
    ".inf",
    "-.INF",
    ".NaN",
    "+.inf",
    "\"\\q\"",
    "\"\\ud800\"",
    "!x!y z",
    "!<x",
    "!<> y",
    "!%zz y",
];

/// What a quoted scalar may be written as, in and beyond JSON.
const QUOTED: &[&str] = &[
    "'it''s'",
    "''",
    "' a  b '",
    "'\\n'",
    "\"\\x41\\u00e9\\U0001F600\"",
    "\"\\a\\b\\e\\f\\v\\0\"",
    "\"\\N\\_\\L\\P\"",
    "\"\\/\\ \\\"\"",
    "\"a\\\tb\"",
    "\"\\xff\"",
];

/// A scalar.
pub fn scalar(dice: &mut Dice) -> String {
    match dice.below(20) {
        0..=8 => (*dice.pick(PLAIN)).to_owned(),
        9 | 10 => ["true", "false"][dice.below(2)].to_owned(),
        11 | 12 => dice.below(30).to_string(),
        13 if dice.chance(50) => (*dice.pick(QUOTED)).to_owned(),
        14 if dice.chance(4) => (*dice.pick(REFUSED)).to_owned(),
        _ => text(dice),
    }
}

/// A text in double quotes.
pub fn text(dice: &mut Dice) -> String {
    texts::quoted(&texts::text(dice))
}

/// Any value, `depth` collections deep at most.
pub fn any(dice: &mut Dice, depth: usize) -> String {
    match dice.below(10) {
        0 | 1 if depth > 0 => list(dice, depth - 1),
        2 | 3 if depth > 0 => table(dice, depth - 1),
        4 if dice.chance(4) => odd_collection(dice),
        _ => scalar(dice),
    }
}

/// Anchors, merges, keys that are no texts or stand twice, entries that are short.
fn odd_collection(dice: &mut Dice) -> String {
    (*dice.pick(&[
        "[&x {a: 1}, *x]",
        "{a: &y [1, 2], b: *y}",
        "{<<: {a: 1, b: 2}, b: 3}",
        "{b: 3, <<: [{a: 1, b: 2}, {a: 4, c: 5}]}",
        "{m: &z {a: 1, b: null}, n: {<<: *z, b: 2}}",
        "{<<: 1}",
        "{a: 1, a: 2}",
        "{1: a, 1.0: b, '1': c}",
        "{null: a, ~: b}",
        "{true: a, yes: b, 'true': c}",
        "{2001-01-01: a, 12:30: b, 0x10: c, 1e3: d, .inf: e}",
        "{[1]: a}",
        "{{a: 1}: b}",
        "{a, b: , ? c : d, ? e}",
        "[a: 1, ? b : 2, c]",
        "[,]",
        "[a,]",
        "{a: 1,}",
        "[[[[1]]], {}, []]",
        "*unknown",
        "!!set {a, b}",
        "!!omap [a: 1, b: 2]",
        "!!map {a: 1}",
        "!!seq [1]",
        "!!str [1]",
        "!!map [1]",
        "[a b, \"c\"d]",
        "{\"a\":1, 'b':2}",
        "{a:1}",
        "[a, b",
    ]))
    .to_owned()
}

/// A list of anything, or of one kind.
pub fn list(dice: &mut Dice, depth: usize) -> String {
    let kind = dice.below(4);
    let items: Vec<String> = (0..dice.below(5))
        .map(|_| match kind {
            0 => text(dice),
            1 => dice.below(12).to_string(),
            _ => any(dice, depth),
        })
        .collect();
    format!("[{}]", items.join(", "))
}

const KEYS: &[&str] = &[
    "a", "b", "c", "d", "name", "k1", "k2", "k10", "x-y", "x.y", "\"\"", "\"1\"", "2", "true", "yes",
    "\"a b\"", "A", "é", "_z", "1.5", "key", "\"~\"", "a1", "a02", "a10", "k01", "K", "\"yes\"", "0x10", "ª",
    "\"²\"", "日", "\"a.b\"", "-1", "\"{\"", "a-b",
];

/// A table.
pub fn table(dice: &mut Dice, depth: usize) -> String {
    let mut used: Vec<&str> = Vec::new();
    let mut entries = Vec::new();
    for _ in 0..dice.below(5) {
        let key = *dice.pick(KEYS);
        if !used.contains(&key) {
            used.push(key);
            entries.push(format!("{key}: {}", any(dice, depth)));
        }
    }
    format!("{{{}}}", entries.join(", "))
}

/// The values of an expression: names by what they usually are (`s` text, `n` number, `l` list, `d` table, ...).
pub fn case(dice: &mut Dice) -> String {
    let mut entries = vec![
        format!("s1: {}", text(dice)),
        format!("s2: {}", text(dice)),
        format!("n1: {}", dice.below(9)),
        format!(
            "n2: {}",
            [
                "-3",
                "2.5",
                "1e3",
                "0",
                "7",
                "1e21",
                "9007199254740993",
                "-0.0",
                "1e-9",
                "63"
            ][dice.below(10)]
        ),
        format!("b1: {}", ["true", "false"][dice.below(2)]),
        format!("l1: {}", list(dice, 1)),
        format!("l2: [\"b\", \"a\", {}]", text(dice)),
        format!("d1: {}", table(dice, 2)),
        format!("d2: {{a: 1, b: {}, c: {{d: {}}}}}", scalar(dice), any(dice, 1)),
        format!("x1: {}", any(dice, 3)),
        format!("x2: {}", scalar(dice)),
        "nil: null".to_owned(),
    ];
    if dice.chance(10) {
        let at = dice.below(entries.len());
        entries.remove(at);
    }
    format!("{{{}}}", entries.join(", "))
}
