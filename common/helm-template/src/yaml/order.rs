//! The order in which go-yaml prints keys.

use std::cmp::Ordering;

/// go-yaml's `keyList.Less` for strings: letters after other characters,
/// runs of digits by their number.
fn less(a: &[char], b: &[char]) -> bool {
    let Some(i) = a.iter().zip(b).position(|(x, y)| x != y) else {
        return a.len() < b.len();
    };
    let (x, y) = (a[i], b[i]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, true) => return true,
        (true, false) => return false,
        (false, false) => {}
    }
    let (mut an, mut bn) = (0i64, 0i64);
    if x == '0' || y == '0' {
        // A zero inside a number is a digit like others; a leading one is not.
        let digits = a[..i].iter().rev().take_while(|c| c.is_numeric());
        if digits.into_iter().any(|c| *c != '0') {
            (an, bn) = (1, 1);
        }
    }
    let run = |text: &[char], mut number: i64| {
        let mut end = i;
        while end < text.len() && text[end].is_numeric() {
            let digit = i64::from(u32::from(text[end])) - i64::from(u32::from('0'));
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

/// Sorts keys in go-yaml's order. The order is not always consistent, so this
/// is a plain merge sort that bears with that.
pub(super) fn sort<T>(items: Vec<(String, T)>) -> Vec<(String, T)> {
    let keyed = items
        .into_iter()
        .map(|(key, value)| (key.chars().collect::<Vec<_>>(), (key, value)));
    merge_sort(keyed.collect())
        .into_iter()
        .map(|(_, item)| item)
        .collect()
}

fn merge_sort<T>(mut items: Vec<(Vec<char>, T)>) -> Vec<(Vec<char>, T)> {
    if items.len() < 2 {
        return items;
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merge_sort(items).into_iter().peekable();
    let mut right = merge_sort(right).into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let order = if less(&b.0, &a.0) {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        out.extend(if order == Ordering::Greater {
            right.next()
        } else {
            left.next()
        });
    }
    out.extend(left);
    out.extend(right);
    out
}
