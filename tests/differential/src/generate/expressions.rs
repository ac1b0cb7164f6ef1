//! Random expressions over all functions.

use super::functions::{ANY, BOOL, LIST, NUMBER, TABLE, TEXT};
use super::leaves::leaf;
use super::{Dice, texts};

/// An expression, now and then with its last argument piped in.
pub fn pipeline(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    if depth > 0 && dice.chance(35) {
        let (name, kinds) = function(dice, kind);
        let mut kinds: Vec<char> = spread(dice, kinds);
        if name != "printf"
            && let Some(last) = kinds.pop()
        {
            let input = pipeline(dice, scope, last, depth - 1);
            let arguments: Vec<String> = kinds
                .iter()
                .map(|kind| argument(dice, scope, *kind, depth - 1))
                .collect();
            return format!("{input} | {name} {}", arguments.join(" "))
                .trim_end()
                .to_owned();
        }
    }
    expression(dice, scope, kind, depth)
}

fn function(dice: &mut Dice, kind: char) -> (&'static str, &'static str) {
    let table = match kind {
        's' => TEXT,
        'i' | 'f' => NUMBER,
        'b' => BOOL,
        'l' | 'L' => LIST,
        'd' => TABLE,
        _ => *dice.pick(&[TEXT, NUMBER, BOOL, LIST, TABLE, ANY, ANY, ANY]),
    };
    *dice.pick(table)
}

/// The kinds of a call's arguments; sometimes one too few or too many.
fn spread(dice: &mut Dice, kinds: &str) -> Vec<char> {
    let mut spread: Vec<char> = kinds.trim_end_matches('*').chars().collect();
    if kinds.ends_with('*')
        && let Some(last) = spread.last().copied()
    {
        spread.extend(std::iter::repeat_n(last, dice.below(3)));
    }
    if dice.chance(1) {
        spread.pop();
    } else if dice.chance(1) {
        spread.push('a');
    }
    spread
}

pub fn expression(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    let special = !matches!(kind, 's' | 'i' | 'f' | 'b' | 'l' | 'L' | 'd' | 'a');
    if depth == 0 || special || dice.chance(30) {
        return leaf(dice, scope, kind);
    }
    let (name, kinds) = function(dice, kind);
    if name == "printf" {
        return format(dice, scope);
    }
    let arguments: Vec<String> = spread(dice, kinds)
        .into_iter()
        .map(|kind| argument(dice, scope, kind, depth - 1))
        .collect();
    format!("{name} {}", arguments.join(" ")).trim_end().to_owned()
}

pub fn argument(dice: &mut Dice, scope: &[String], kind: char, depth: usize) -> String {
    // Now and then something of another kind.
    let kind = if dice.chance(4) {
        *dice.pick(&['s', 'i', 'l', 'd', 'a', 'b'])
    } else {
        kind
    };
    let text = expression(dice, scope, kind, depth);
    let whole = text.starts_with(['(', '`']) || is_one_literal(&text) || !text.contains(' ');
    if whole { text } else { format!("({text})") }
}

fn is_one_literal(text: &str) -> bool {
    serde_json::from_str::<String>(text).is_ok()
}

/// A call of printf.
fn format(dice: &mut Dice, scope: &[String]) -> String {
    const VERBS: &[&str] = &[
        "%s",
        "%d",
        "%v",
        "%q",
        "%5d",
        "%-5s|",
        "%05.2f",
        "%x",
        "%X",
        "%t",
        "%T",
        "%+v",
        "%e",
        "%g",
        "%c",
        "%U",
        "%o",
        "%b",
        "%%",
        "%6.3s",
        "%*d",
        "%!",
        "%z",
        "% d",
        "%+d",
        "%08b",
        "%.2f",
        "%3c",
        "%#x",
        "%-08d",
        "%[1]v",
        "%.3g",
        "%G",
        "%#q",
        "%p0",
        "%#v",
        "%+q",
        "%x",
        "% x",
        "%# x",
        "%#o",
        "%O",
        "%+.2e",
        "%6d|",
        "%-6v|",
        "%06s",
        "%.0f",
        "%.1f",
        "%+v",
        "%[2]d",
        "%[3]*.[2]*[1]f",
        "%[x]d",
        "%.*f",
        "%-*d|",
        "%v",
        "%s",
        "%d",
        "%08.3f",
        "%+08d",
        "% 08d",
        "%t",
        "%.2s",
        "%.2q",
        "%c",
        "%#U",
        "%E",
        "%#g",
        "%w",
        "%é",
        "%10.3v|",
        "%-",
        "%5%",
        "%#x",
        "%X",
        "%#b",
        "%.3x",
        "%5t|",
        "%5c|",
        "%05c",
        "%10q|",
        "%-10q|",
        "%#+v",
        "%T",
    ];
    let count = 1 + dice.below(3);
    let verbs: Vec<&str> = (0..count).map(|_| *dice.pick(VERBS)).collect();
    let given = if dice.chance(90) { count } else { dice.below(4) };
    let arguments: Vec<String> = (0..given)
        .map(|_| {
            let kind = *dice.pick(&['s', 'i', 'f', 'a']);
            argument(dice, scope, kind, 1)
        })
        .collect();
    format!(
        "printf {} {}",
        texts::quoted(&verbs.join(" ")),
        arguments.join(" ")
    )
    .trim_end()
    .to_owned()
}
