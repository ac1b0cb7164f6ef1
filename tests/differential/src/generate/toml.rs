//! TOML documents, right and wrong.

use super::Dice;

/// A random document: mostly TOML, a third of them spoilt. Not always UTF-8.
pub fn document(dice: &mut Dice) -> Vec<u8> {
    let mut text = String::new();
    if dice.chance(3) {
        text.push_str(dice.word(&[
            "\u{feff}",
            "\n\n",
            "\r\n",
            " \t\n",
            "# c\n",
            "\0",
            "a\0=1\n",
            "[",
            "\u{feff}\0",
        ]));
    }
    for _ in 0..=dice.below(6) {
        line(dice, &mut text);
    }
    if dice.chance(10) {
        text = text.replace('\n', "\r\n");
    }
    let mut bytes = text.into_bytes();
    if dice.chance(35) {
        for _ in 0..=dice.below(3) {
            spoil(dice, &mut bytes);
        }
    }
    bytes
}

/// What is put somewhere into a document.
const ODD: &[&[u8]] = &[
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b".",
    b",",
    b"\"",
    b"'",
    b"#",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b" ",
    b"\t",
    b"_",
    b"-",
    b"+",
    b":",
    b"e",
    b"0",
    b"1",
    b"T",
    b"Z",
    b"z",
    b"\0",
    b"\x01",
    b"\x1f",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xe2\x82",
    b"\xef\xbf\xbd",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    "é".as_bytes(),
    "日".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{2028}".as_bytes(),
    "😀".as_bytes(),
    b"\"\"\"",
    b"'''",
    b"\\u00e9",
    b"\\ ",
    b"\\\n",
    b"a",
    b"b=1",
    b"a.",
    b"[[",
    b"]]",
    b"inf",
    b"nan",
    b"true",
    b"# c\n",
    b"[a]\n",
    b"\na = [1]\n",
    b"{a=1}",
    b"\"\"",
    b"x",
    b"i",
    b"n",
];

/// Removes, inserts, replaces or moves a little, or cuts the end off.
fn spoil(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len());
    match dice.below(10) {
        0..=2 if !bytes.is_empty() => drop(bytes.remove(at)),
        3..=6 => drop(bytes.splice(at..at, dice.pick(ODD).iter().copied())),
        7 if at > 0 => bytes.swap(at - 1, at),
        8 if !bytes.is_empty() => drop(bytes.splice(at..=at, dice.pick(ODD).iter().copied())),
        9 => bytes.truncate(at),
        _ => {}
    }
}

fn line(dice: &mut Dice, text: &mut String) {
    text.push_str(dice.word(&["", "", "", "", "", " ", "\t", "  "]));
    match dice.below(20) {
        0..=3 => text.push_str(&format!("[{}]", key(dice))),
        4..=6 => text.push_str(&format!("[[{}]]", key(dice))),
        7 => {}
        _ => pair(dice, text, 3),
    }
    text.push_str(dice.word(&[
        "", "", "", "", "", " ", "\t", " # c", "# é", "#", " x", ",", " #\u{1}",
    ]));
    if !dice.chance(2) {
        text.push('\n');
    }
}

fn pair(dice: &mut Dice, text: &mut String, depth: usize) {
    text.push_str(&key(dice));
    text.push_str(mostly(
        dice,
        &["=", " = ", " = ", " = ", "= ", "\t=\t"],
        &[" =\n", " ", ": ", "=="],
    ));
    value(dice, text, depth);
}

/// One of the `usual` words, now and then one of the others.
fn mostly(dice: &mut Dice, usual: &[&'static str], others: &[&'static str]) -> &'static str {
    let words = if dice.chance(4) { others } else { usual };
    dice.word(words)
}

/// A key of a few parts; there are few, so that they meet.
fn key(dice: &mut Dice) -> String {
    let mut out = String::new();
    let parts = *dice.pick(&[1, 1, 1, 1, 2, 2, 3]);
    for at in 0..parts {
        if at > 0 {
            out.push_str(dice.word(&[".", ".", ".", ".", " . ", ".\t", " ."]));
        }
        let known = if dice.chance(85) { 3 } else { KEYS.len() };
        out.push_str(dice.word(&KEYS[..known]));
    }
    out
}

const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "\"a\"",
    "'b'",
    "\"\"",
    "''",
    "\"a.b\"",
    "'c d'",
    "\"\\u0061\"",
    "\"\\t\"",
    "é",
    "\"é\"",
    "\"\u{85}\"",
    "1",
    "1.2",
    "-",
    "a-b_c",
    "\"\"\"a\"\"\"",
    "'''a'''",
    "$",
    "",
    " ",
    "a b",
    "\"\\\"q\\\\\"",
    "'\"'",
    "\"\\x41\"",
    "\"\\ud800\"",
    "\"a\\ b\"",
    "\"a",
    "'a",
    "\"😀\"",
    "\"\\u0000\"",
    "true",
    "inf",
    "2001-02-03",
];

fn value(dice: &mut Dice, text: &mut String, depth: usize) {
    match dice.below(16) {
        0..=2 if depth > 0 => array(dice, text, depth - 1),
        3..=5 if depth > 0 => inline(dice, text, depth - 1),
        6 => number(dice, text),
        7 => moment(dice, text),
        8 | 9 => string(dice, text),
        10 | 11 => text.push_str(dice.word(ODDITIES)),
        _ => text.push_str(dice.word(SCALARS)),
    }
}

fn array(dice: &mut Dice, text: &mut String, depth: usize) {
    const BETWEEN: &[&str] = &["", "", "", "", " ", "\n", "\n  ", " # c\n", "\t", "\r\n", "#\n\n"];
    text.push('[');
    for at in 0..dice.below(4) {
        if at > 0 {
            text.push_str(dice.word(&[",", ",", ",", ",", ",", ",", ", ", " ,", ",,", " ", ";"]));
        }
        text.push_str(dice.word(BETWEEN));
        value(dice, text, depth);
        text.push_str(dice.word(BETWEEN));
    }
    text.push_str(dice.word(&["]", "]", "]", "]", "]", "]", "]", ",]", ", ]", " ]", "", "}"]));
}

fn inline(dice: &mut Dice, text: &mut String, depth: usize) {
    text.push_str(mostly(
        dice,
        &["{", "{", "{", "{ ", "{\t"],
        &["{\n", "{#c\n", "{,"],
    ));
    for at in 0..dice.below(4) {
        if at > 0 {
            text.push_str(mostly(
                dice,
                &[",", ", ", ", ", " , "],
                &[",\n", ",,", " ", "\n", "# c\n"],
            ));
        }
        pair(dice, text, depth);
    }
    text.push_str(mostly(
        dice,
        &["}", "}", "}", " }", "\t}"],
        &[",}", "", "]", "\n}", "# c\n}", " #"],
    ));
}

const SCALARS: &[&str] = &[
    "1",
    "0",
    "-1",
    "+7",
    "42",
    "1.5",
    "-0.25",
    "1e3",
    "true",
    "false",
    "\"a\"",
    "'b'",
    "\"\"",
    "''",
    "\"x y\"",
    "inf",
    "nan",
    "-inf",
    "+nan",
    "-nan",
    "0x1F",
    "0o17",
    "0b101",
    "1_000",
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
    "1979-05-27 07:32:00",
    "1979-05-27T00:32:00.999999-07:00",
    "\"\"\"\nx\"\"\"",
    "'''\ny'''",
    "[]",
    "{}",
];

const ODDITIES: &[&str] = &[
    "00",
    "01",
    "-0",
    "+0",
    "-00",
    "-01",
    "0_0",
    "1__0",
    "_1",
    "1_",
    "0x",
    "0xG",
    "0x_1",
    "0x1_",
    "0x1__2",
    "0xfF_0",
    "0b2",
    "0b1_0",
    "0b",
    "0o8",
    "0o7_7",
    "0X1",
    "-0x1",
    "+0b1",
    "-0o7",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "0xFFFFFFFFFFFFFFFF",
    "0x7fff_ffff_ffff_ffff",
    "1.",
    ".5",
    "1.e3",
    "1.5.5",
    "1e",
    "1e+",
    "1e5.5",
    "1e_5",
    "1_0.0_1",
    "1._5",
    "1_.5",
    "1.5_",
    "01.5",
    "-01.5",
    "0.1e0_1",
    "1e999",
    "-1e999",
    "1e-999",
    "0e0",
    "-0.0",
    "+1.0E+2",
    "1-e",
    "5e-1-",
    "infx",
    "inx",
    "in",
    "i",
    "n",
    "na",
    "nax",
    "nnf",
    "ian",
    "inan",
    "nnan",
    "natrue",
    "-in",
    "-i",
    "+n",
    "-nax",
    "- 1",
    "-",
    "+",
    "-a",
    "-.5",
    "True",
    "TRUE",
    "truex",
    "tru",
    "t",
    "f",
    "false_",
    "true1",
    "é",
    "xé",
    "null",
    "~",
    "@",
    "`",
    "$",
    "(",
    "*",
    "=",
    ".",
    ":",
    "\\",
    "é1",
    "1979",
    "1979-",
    "1979-0",
    "1979-05-27T",
    "1979-05-27t07:32:00z",
    "1979-05-27 07:32:00z",
    "1979-05-27  07:32:00",
    "1979-13-01",
    "1979-02-29",
    "1980-02-29",
    "1979-05-27T7:32:00",
    "1979-05-27T07:32",
    "1979-05-27T07:32Z",
    "07:32",
    "7:32:00",
    "24:00:00",
    "23:60:00",
    "23:59:60",
    "23:59:59.",
    "23:59:59.1",
    "23:59:59.123456789123",
    "0000-01-01",
    "9999-12-31T23:59:59.999999999+23:59",
    "0-1",
    "0:1",
    "00:00:00",
    "1979-05-27T07:32:00+1:00",
    "1979-05-27T07:32:00+25:00",
    "1979-05-27T07:32:00+00:00",
    "1979-05-27T07:32:00-00:60",
    "1979-05-27T07:32:00+07",
    "1979-05-27T07:32:00ZZ",
    "1979-05-27T07:32:00 Z",
    "1979-05-27T07:32:00.5.5",
    "1979-05-27TT07:32:00",
    "19790-05-27",
    "1979-5-27",
    "2020-01-01 # c",
    "2020-01-01 ",
    "\"\\q\"",
    "\"\\x41\"",
    "\"\\e\"",
    "\"\\ \"",
    "\"\\\t\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\uD800\"",
    "\"\\uFFFF\"",
    "\"\\U0010FFFF\"",
    "\"\\U00110000\"",
    "\"\\UFFFFFFFF\"",
    "\"\\u0000\"",
    "\"\\",
    "\"a\nb\"",
    "'a\nb'",
    "\"a\r\nb\"",
    "\"a\rb\"",
    "'\\'",
    "\"\u{1}\"",
    "'\u{7f}'",
    "\"é\\\"\"",
    "\"\\u00E\"",
    "\"\\\n\"",
    "\"\\uABCDx\\t\\n\\b\\f\\r\\\\\"",
];

/// A number of random signs.
fn number(dice: &mut Dice, text: &mut String) {
    text.push_str(dice.word(&["", "", "", "-", "+", "0x", "0b", "0o"]));
    for _ in 0..=dice.below(7) {
        text.push_str(dice.word(&[
            "0", "1", "2", "7", "9", "12", "05", "3", "4", "_", ".", "e", "E", "-", "+", "a",
        ]));
    }
}

/// A date, a time, or both, with something out of its range or place at times.
fn moment(dice: &mut Dice, text: &mut String) {
    let mut out = String::new();
    if dice.chance(80) {
        out.push_str(dice.word(&[
            "1979-05-27",
            "2000-02-29",
            "2001-02-29",
            "1979-12-31",
            "0001-01-01",
            "1979-00-10",
            "1979-04-31",
            "197-05-27",
            "9999-12-31",
        ]));
        out.push_str(dice.word(&["T", "T", "T", "t", " ", " ", "", "  ", "x", "-"]));
    }
    if dice.chance(85) {
        out.push_str(dice.word(&[
            "07:32:00", "00:00:00", "23:59:59", "12:30:60", "24:00:00", "7:32:00", "07:3:00", "07:32:1",
            "07:32", "07-32-00",
        ]));
        out.push_str(dice.word(&["", "", "", ".5", ".123456789", ".1234567891", ".", ".000", ".1.2"]));
        out.push_str(dice.word(&[
            "", "", "Z", "z", "+00:00", "-07:00", "+23:59", "+5:00", "+0500", "-12:60", "+05:61", " +01:00",
            "+",
        ]));
    }
    text.push_str(&out);
}

/// A string of any kind, of parts that its kind may not have.
fn string(dice: &mut Dice, text: &mut String) {
    let quote = dice.word(&["\"", "\"", "'", "\"\"\"", "\"\"\"", "\"\"\"", "'''"]);
    text.push_str(quote);
    for _ in 0..dice.below(6) {
        let known = if quote.len() == 3 || dice.chance(10) {
            PARTS.len()
        } else {
            12
        };
        text.push_str(dice.word(&PARTS[..known]));
    }
    text.push_str(quote);
}

const PARTS: &[&str] = &[
    "a",
    "b c",
    " ",
    "é",
    "日本",
    "\\t",
    "\\\\",
    "\\u00e9",
    "\\U0001F600",
    "#",
    "=",
    "\\n",
    "\n",
    "\n\n",
    "\r\n",
    "\\\n",
    "\\\n  \n ",
    "\\  \n\t",
    "\\ x",
    "\\\r\n",
    "\\\"",
    "\"",
    "\"\"",
    "\"\"\"",
    "'",
    "''",
    "\\\"\"\"",
    "\"\"\"\"",
    "\\\\\n",
    "\\\\\"",
    "\\",
    "\\u12",
    "\t",
    "\\ ",
    "\\q",
    "\\ud800",
    "\u{1}",
];
