//! YAML documents in every style, right and wrong.

use super::{Dice, texts, values};

/// Random YAML text, mostly in block style.
pub fn document(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.chance(8) {
        text.push_str(dice.word(&[
            "---\n",
            "--- # c\n",
            "# c\n",
            "\n\n",
            "%YAML 1.1\n---\n",
            "%YAML 1.2\n---\n",
            "%TAG ! tag:x,2000:\n---\n",
            "%TAG !e! tag:x,2000:\n---\n",
            "%FOO\n---\n",
            "---\n---\n",
            "...\n",
            "\u{feff}",
            "--- !!map\n",
            "--- |\n text\n",
            "--- text\n",
        ]));
    }
    if dice.chance(5) {
        // What comes behind a buffer's length is read later.
        text.push_str(&format!("# {}\n", "long ".repeat(90 + dice.below(30))));
    }
    for _ in 0..=dice.below(4) {
        block(dice, &mut text, 0, 2);
    }
    if dice.chance(8) {
        text.push_str(dice.word(&[
            "---\nsecond: 1\n",
            "...\nsecond: 1\n",
            "...\n---\n",
            "---\n[\n",
            "# end",
            "  ",
            "\t",
            "...",
            "--- x\n",
        ]));
    }
    for _ in 0..faults(dice) {
        let at = dice.below(text.chars().count());
        let byte = text.char_indices().nth(at).map_or(0, |(byte, _)| byte);
        text.insert_str(byte, dice.word(ODD));
    }
    if dice.chance(2) {
        text = text.replace('\n', "\r\n");
    }
    text
}

fn faults(dice: &mut Dice) -> usize {
    match dice.below(100) {
        0..=14 => 1,
        15..=17 => 2,
        _ => 0,
    }
}

/// What is put somewhere into a document.
const ODD: &[&str] = &[
    ":", "-", "\t", "#", "'", "\"", "\n", " ", "{", "[", "&a ", "*a", "---\n", "...\n", "|", "%", "}", "]",
    ",", "? ", ": ", "- ", "!", "!!str ", "!x!y ", "@", "`", "\\", "\u{1}", "\u{7f}", "\u{85}", "\u{2028}",
    "\u{feff}", "\r", ">", "<<: ", "&", "*", "\0", "é", "# c\n", "*b ", "\n\n", "\n  ",
];

const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "key",
    "'q'",
    "1",
    "yes",
    "a b",
    "x-y",
    "? k",
    "\"d\\tq\"",
    "<<",
    "null",
    "1.5",
    "&k kk",
    "!!str 7",
    "*a",
    "? |\n   lit\n",
    "? - x\n",
    "2001-01-01",
    "a:b",
    "é",
    "~",
    "[f]",
    "{g: 1}",
    "k10",
    "k9",
    "0x1f",
    "? [1, 2]\n",
];

fn block(dice: &mut Dice, text: &mut String, indent: usize, depth: usize) {
    let margin = " ".repeat(indent);
    let head = if dice.chance(30) && indent > 0 {
        format!("{margin}- ")
    } else {
        let known = if dice.chance(75) { 10 } else { KEYS.len() };
        format!("{margin}{}: ", *dice.pick(&KEYS[..known]))
    };
    text.push_str(&head);
    match dice.below(14) {
        0..=2 if depth > 0 => {
            text.push_str(dice.word(&["\n", "\n", "\n", "# c\n", "&m\n", "!!map\n", "\n\n"]));
            for _ in 0..=dice.below(2) {
                block(dice, text, indent + 2, depth - 1);
            }
        }
        3 | 4 => scalar_block(dice, text, &margin),
        5 => text.push_str(&format!("{}\n", values::any(dice, 2))),
        6 => text.push_str(&format!("&a {}\n", values::scalar(dice))),
        7 => text.push_str("*a\n"),
        8 => text.push_str(&format!("first\n{margin}  second # c\n")),
        9 => lines(dice, text, &margin),
        _ => text.push_str(&format!("{}\n", values::scalar(dice))),
    }
}

/// A literal or folded scalar, with and without what may be said of its indentation and its end.
fn scalar_block(dice: &mut Dice, text: &mut String, margin: &str) {
    let mark = dice.word(&[
        "|", ">", "|-", ">-", "|+", ">+", "|2", ">1", "|2-", "|+1", ">-3", "|9", "|0", "|x", "| # c", "|  ",
        ">\t",
    ]);
    text.push_str(mark);
    text.push('\n');
    for _ in 0..=dice.below(4) {
        text.push_str(margin);
        text.push_str(dice.word(&[
            "  text one\n",
            "    more\n",
            "\n",
            "  last\n",
            "  # no comment\n",
            " \n",
            "  \ttab\n",
            "   \n",
            "  a: b\n",
            "  é 日本 \n",
            "  trailing  \n",
            "\t\n",
            " less\n",
            "  \u{85}x\n",
        ]));
    }
}

/// A quoted or plain scalar of several lines.
fn lines(dice: &mut Dice, text: &mut String, margin: &str) {
    let quote = dice.word(&["\"", "'", ""]);
    text.push_str(quote);
    for at in 0..=dice.below(3) {
        if at > 0 {
            text.push_str(dice.word(&["\n", "\n\n", " \n", "\\\n", "\n\n\n"]));
            text.push_str(margin);
        }
        let word: String = texts::text(dice)
            .chars()
            .filter(|c| c.is_alphanumeric() || " .,-".contains(*c))
            .collect();
        text.push_str("  ");
        text.push_str(word.trim());
    }
    text.push_str(quote);
    text.push('\n');
}
