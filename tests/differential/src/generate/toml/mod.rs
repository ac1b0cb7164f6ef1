//! TOML documents, right and wrong.

mod words;

use super::Dice;
use words::{KEYS, LONG, ODD, ODDITIES, PARTS, SCALARS, SHORT};

/// A random document: half are TOML but for keys that may meet, the others have mistakes. Not always UTF-8.
pub fn document(dice: &mut Dice) -> Vec<u8> {
    let odd = if dice.chance(50) {
        0
    } else {
        *dice.pick(&[1, 5, 10])
    };
    let keys = *dice.pick(&[2, 3, 6, 11]);
    let mut writer = Writer {
        dice,
        text: String::new(),
        odd,
        keys,
    };
    writer.start();
    for _ in 0..=writer.dice.below(7) {
        writer.line();
    }
    let mut text = writer.text;
    if dice.chance(10) {
        text = text.replace('\n', "\r\n");
    }
    let mut bytes = text.into_bytes();
    if odd > 0 && dice.chance(50) {
        for _ in 0..=dice.below(3) {
            spoil(dice, &mut bytes);
        }
    }
    bytes
}

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

struct Writer<'d> {
    dice: &'d mut Dice,
    text: String,
    /// How often of a hundred times something is not as it should be.
    odd: u32,
    /// How many keys there are; of few, some meet.
    keys: usize,
}

impl Writer<'_> {
    fn is_odd(&mut self) -> bool {
        self.dice.chance(self.odd)
    }

    /// One of the usual words, now and then one of the others.
    fn word(&mut self, usual: &[&'static str], odd: &[&'static str]) {
        let words = if self.is_odd() { odd } else { usual };
        self.text.push_str(self.dice.word(words));
    }

    fn start(&mut self) {
        if self.dice.chance(5) {
            self.word(
                &["\u{feff}", "\n\n", "\r\n", " \t\n", "# c\n"],
                &["\0", "a\0=1\n", "[", "\u{feff}\0"],
            );
        }
    }

    fn line(&mut self) {
        self.word(&["", "", " ", "\t", "  "], &["=", ".", ",", "]"]);
        match self.dice.below(20) {
            0..=3 => {
                self.text.push('[');
                self.key();
                self.word(&["]", "]", "]", " ]"], &["]]", "", "\n]", "}"]);
            }
            4..=6 => {
                self.word(&["[[", "[[", "[[ "], &["[ ["]);
                self.key();
                self.word(&["]]", "]]", " ]]"], &["] ]", "]", "", "]]]"]);
            }
            7 => {}
            _ => self.pair(3),
        }
        self.word(
            &["", "", "", "", "", " ", "\t", " # c", "# é", "#"],
            &[" x", ",", " #\u{1}", "]", "# \u{7f}"],
        );
        self.word(&["\n", "\n", "\n", "\n\n"], &["", "\r"]);
    }

    fn pair(&mut self, depth: usize) {
        self.key();
        self.word(
            &["=", " = ", " = ", " = ", "= ", "\t=\t"],
            &[" =\n", " ", ": ", "=="],
        );
        self.value(depth);
    }

    fn key(&mut self) {
        let parts = *self.dice.pick(&[1, 1, 1, 1, 1, 2, 2, 3]);
        for at in 0..parts {
            if at > 0 {
                self.word(&[".", ".", ".", ".", " . ", ".\t", " ."], &["..", " ", ",", "\n"]);
            }
            self.word(&KEYS[..self.keys], KEYS);
        }
    }

    fn value(&mut self, depth: usize) {
        match self.dice.below(16) {
            0..=2 if depth > 0 => self.array(depth - 1),
            3..=5 if depth > 0 => self.inline(depth - 1),
            6 => self.number(),
            7 => self.moment(),
            8 | 9 => self.string(),
            _ => self.word(SCALARS, ODDITIES),
        }
    }

    fn array(&mut self, depth: usize) {
        const BETWEEN: &[&str] = &["", "", "", "", " ", "\n", "\n  ", " # c\n", "\t", "\r\n", "#\n\n"];
        self.text.push('[');
        for at in 0..self.dice.below(4) {
            if at > 0 {
                self.word(&[",", ",", ", ", " ,"], &[",,", " ", ";"]);
            }
            self.word(BETWEEN, BETWEEN);
            self.value(depth);
            self.word(BETWEEN, BETWEEN);
        }
        self.word(&["]", "]", "]", " ]"], &["", "}", ",", ",]"]);
    }

    fn inline(&mut self, depth: usize) {
        self.word(&["{", "{", "{", "{ ", "{\t"], &["{\n", "{#c\n", "{,"]);
        for at in 0..self.dice.below(4) {
            if at > 0 {
                self.word(&[",", ", ", ", ", " , "], &[",\n", ",,", " ", "\n", "# c\n"]);
            }
            self.pair(depth);
        }
        self.word(
            &["}", "}", "}", " }", "\t}"],
            &[",}", "", "]", "\n}", "# c\n}", " #"],
        );
    }

    /// A number, at times of random signs.
    fn number(&mut self) {
        if !self.is_odd() {
            let number = self.dice.below(usize::MAX) >> (1 + self.dice.below(63));
            self.text.push_str(&number.to_string());
            self.word(&["", "", ".0", ".5", "e2", "e-7", ".25E+1"], &["."]);
            return;
        }
        let first = self.dice.word(&["", "", "", "-", "+", "0x", "0b", "0o"]);
        self.text.push_str(first);
        for _ in 0..=self.dice.below(7) {
            self.text.push_str(self.dice.word(&[
                "0", "1", "2", "7", "9", "12", "05", "3", "4", "_", ".", "e", "E", "-", "+", "a",
            ]));
        }
    }

    /// A date, a time, or both, with something out of its range or place at times.
    fn moment(&mut self) {
        let (date, time) = *self
            .dice
            .pick(&[(true, false), (false, true), (true, true), (true, true)]);
        if date {
            self.word(
                &[
                    "1979-05-27",
                    "2000-02-29",
                    "1979-12-31",
                    "0001-01-01",
                    "9999-12-31",
                ],
                &["2001-02-29", "1979-00-10", "1979-04-31", "197-05-27", ""],
            );
        }
        if date && time {
            self.word(&["T", "T", "t", " "], &["", "  ", "x", "-"]);
        }
        if time {
            self.word(
                &["07:32:00", "00:00:00", "23:59:59"],
                &[
                    "12:30:60", "24:00:00", "7:32:00", "07:3:00", "07:32:1", "07:32", "07-32-00", "",
                ],
            );
            self.word(
                &["", "", ".5", ".123456789", ".1234567891", ".000"],
                &[".", ".1.2"],
            );
        }
        if date && time {
            self.word(
                &["", "Z", "z", "+00:00", "-07:00", "+23:59"],
                &["+5:00", "+0500", "-12:60", "+05:61", " +01:00", "+"],
            );
        }
    }

    /// A string of any kind.
    fn string(&mut self) {
        let quote = self.dice.word(&["\"", "\"", "'", "\"\"\"", "\"\"\"", "'''"]);
        let fitting = if quote.len() == 3 { LONG } else { SHORT };
        self.text.push_str(quote);
        for _ in 0..self.dice.below(6) {
            self.word(&PARTS[..fitting], PARTS);
        }
        self.text.push_str(quote);
    }
}
