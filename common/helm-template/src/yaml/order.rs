//! The order in which go-yaml prints keys.

use crate::unicode::{is_digit, is_letter};

/// go-yaml's `keyList.Less` for strings: letters after other characters,
/// runs of digits by their number.
fn less(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return less_by(a.as_bytes(), b.as_bytes());
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    less_by(&a, &b)
}

fn less_by<C: Copy + PartialEq + Into<char>>(a: &[C], b: &[C]) -> bool {
    let Some(i) = a.iter().zip(b).position(|(x, y)| x != y) else {
        return a.len() < b.len();
    };
    let (x, y): (char, char) = (a[i].into(), b[i].into());
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x < y,
        (false, true) => return true,
        (true, false) => return false,
        (false, false) => {}
    }
    let (mut an, mut bn) = (0i64, 0i64);
    if x == '0' || y == '0' {
        // A zero inside a number is a digit like others; a leading one is not.
        let before = a[..i].iter().rev().map(|c| (*c).into());
        let mut digits = before.take_while(|c: &char| is_digit(*c));
        if digits.any(|c| c != '0') {
            (an, bn) = (1, 1);
        }
    }
    let run = |text: &[C], mut number: i64| {
        let mut end = i;
        while let Some(c) = text.get(end).map(|c| (*c).into()).filter(|c: &char| is_digit(*c)) {
            let digit = i64::from(u32::from(c)) - i64::from(u32::from('0'));
            number = number.wrapping_mul(10).wrapping_add(digit);
            end += 1;
        }
        (number, end)
    };
    let (an, ai) = run(a, an);
    let (bn, bi) = run(b, bn);
    if an != bn {
        return an < bn;
    }
    if ai != bi {
        return ai < bi;
    }
    x < y
}

/// Whether the keys stand in go-yaml's order already; at times this is not seen.
pub(super) fn is_sorted<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> bool {
    // Without digits the order is consistent: what stands in order two by two is sorted.
    let plain = |key: &str| key.bytes().all(|b| b.is_ascii() && !b.is_ascii_digit());
    let mut pairs = keys.clone().zip(keys.clone().skip(1));
    pairs.all(|(a, b)| !less(b, a)) && keys.into_iter().all(plain)
}

/// Sorts keys in go-yaml's order. The order is not always consistent, so this
/// is a plain merge sort that bears with that.
pub(super) fn sort<T>(mut items: Vec<(&str, T)>) -> Vec<(&str, T)> {
    if items.len() < 2 {
        return items;
    }
    let right = items.split_off(items.len() / 2);
    let mut left = sort(items).into_iter().peekable();
    let mut right = sort(right).into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from_right = less(b.0, a.0);
        out.extend(if from_right { right.next() } else { left.next() });
    }
    out.extend(left);
    out.extend(right);
    out
}
