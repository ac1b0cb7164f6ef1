//! Random values as YAML text in flow style: every type, and what YAML 1.1 makes of odd scalars.

use super::Dice;

/// Texts that something between YAML, Go and JSON may take for something else.
pub const TEXTS: &[&str] = &[
    "",
    "a",
    "abc",
    "Hello World",
    "hello-world_foo.bar",
    " padded ",
    "trailing ",
    "\ttab",
    "line1\nline2",
    "line1\nline2\n",
    "\n",
    "\n\nx",
    "x\n\n",
    "x\r\ny",
    "yes",
    "No",
    "on",
    "true",
    "False",
    "null",
    "~",
    "Null",
    "nan",
    ".inf",
    "0",
    "1",
    "-1",
    "42",
    "007",
    "0x1F",
    "0b11",
    "1e3",
    "1_000",
    "12:30:45",
    "2001-01-01",
    "2001-01-01T10:20:30Z",
    "1.5",
    ".5",
    "+1",
    "1.",
    "0o17",
    "=",
    "<<",
    "-",
    "- x",
    "a: b",
    "a:b",
    "a #c",
    "#c",
    "&a",
    "*a",
    "!t",
    "%x",
    "@x",
    "`x`",
    "[x]",
    "{x: y}",
    "{",
    "}",
    "[",
    "]",
    ",",
    "?",
    "? x",
    "|",
    ">",
    "'",
    "\"",
    "it's",
    "say \"hi\"",
    "\\",
    "a\\nb",
    "ünïcödé",
    "日本語",
    "😀",
    "a\u{a0}b",
    "\u{feff}bom",
    "\u{85}",
    "\u{2028}",
    "e\u{301}",
    "\u{7f}",
    "\u{1}",
    "ß",
    "ǆ",
    "İ",
    "ſ",
    "the quick brown fox jumps over the lazy dog and runs away as far as it can, to the very end of the line",
    "averyveryverylongwordwithoutanyblanksinitthatgoesonandonandonandonandonandonandonandonandonandon",
    "{{ .x }}",
    "{{",
    "<no value>",
    "<a href='x'>&amp;</a>",
    "1.2.3",
    "v1.2.3-rc.1+build",
    "https://user:pw@example.com:8080/p/a?q=1&r=2#frag",
    "192.168.0.1",
    "a,b,c",
    "a/b/../c.txt",
    "/abs/path/",
    "one two  three",
    "fooBarBaz",
    "FooBAR_baz-qux",
    "aGVsbG8=",
    "ORSXG5A=",
    "%41",
    "$x",
    "${x}",
    "$1",
    "1h30m",
    "-5s",
    "Mon Jan 2 15:04:05 2006",
    "{\"a\":1}",
    "[1,2]",
    "a\tb\tc",
    "  lead",
    "x: |\n  y\n",
    "key: [1, {b: c}]\n",
];

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
];

/// A scalar.
pub fn scalar(dice: &mut Dice) -> String {
    match dice.below(10) {
        0..=4 => (*dice.pick(PLAIN)).to_owned(),
        5 => ["true", "false"][dice.below(2)].to_owned(),
        6 => dice.below(30).to_string(),
        _ => text(dice),
    }
}

/// A text in double quotes.
pub fn text(dice: &mut Dice) -> String {
    let text = *dice.pick(TEXTS);
    quoted(text)
}

/// As JSON quotes it, which YAML reads too.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Any value, `depth` collections deep at most.
pub fn any(dice: &mut Dice, depth: usize) -> String {
    match dice.below(10) {
        0 | 1 if depth > 0 => list(dice, depth - 1),
        2 | 3 if depth > 0 => table(dice, depth - 1),
        _ => scalar(dice),
    }
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
    "\"a b\"", "A", "é", "_z", "1.5", "key", "\"~\"",
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
        format!("n2: {}", ["-3", "2.5", "1e3", "0", "7", "1e21"][dice.below(6)]),
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

/// Random YAML text in block style, right and wrong, for what reads YAML in templates.
pub fn document(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(4) {
        block(dice, &mut text, 0, 2);
    }
    if dice.chance(15) {
        let at = dice.below(text.chars().count());
        let odd = *dice.pick(&[
            ":", "-", "\t", "#", "'", "\"", "\n", " ", "{", "[", "&a ", "*a", "---\n", "...\n", "|", "%",
        ]);
        let byte = text.char_indices().nth(at).map_or(0, |(byte, _)| byte);
        text.insert_str(byte, odd);
    }
    text
}

fn block(dice: &mut Dice, text: &mut String, indent: usize, depth: usize) {
    let margin = " ".repeat(indent);
    let head = if dice.chance(30) && indent > 0 {
        format!("{margin}- ")
    } else {
        format!(
            "{margin}{}: ",
            *dice.pick(&["a", "b", "c", "key", "'q'", "1", "yes", "a b", "x-y", "? k"])
        )
    };
    text.push_str(&head);
    match dice.below(9) {
        0 | 1 if depth > 0 => {
            text.push('\n');
            for _ in 0..=dice.below(2) {
                block(dice, text, indent + 2, depth - 1);
            }
        }
        2 => {
            let mark = *dice.pick(&["|", ">", "|-", ">-", "|+", ">+", "|2"]);
            text.push_str(&format!(
                "{mark}\n{margin}  text one\n{margin}    more\n\n{margin}  last\n"
            ));
        }
        3 => text.push_str(&format!("{}\n", any(dice, 2))),
        4 => text.push_str(&format!("&a {}\n", scalar(dice))),
        5 => text.push_str("*a\n"),
        6 => text.push_str(&format!("first\n{margin}  second # c\n")),
        _ => text.push_str(&format!("{}\n", scalar(dice))),
    }
}
