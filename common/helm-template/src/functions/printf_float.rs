//! Floats under the verbs of `printf`, without sign.

use super::printf::Spec;
use crate::template::number::format_float;

/// The text of `size`, which is not negative; None if the verb takes no float.
pub(super) fn text(verb: char, size: f64, spec: &Spec) -> Option<String> {
    if !size.is_finite() {
        let known = "vgGeEfFxXb".contains(verb);
        return known.then(|| if size.is_nan() { "NaN" } else { "Inf" }.to_owned());
    }
    let text = match verb {
        'v' | 'g' | 'G' => match spec.precision {
            None => format_float(size),
            Some(precision) => general(size, precision.max(1)),
        },
        'e' | 'E' => exponent(size, spec.precision.unwrap_or(6)),
        'f' | 'F' => format!("{size:.*}", spec.precision.unwrap_or(6)),
        'x' | 'X' => hexadecimal(size, spec.precision),
        'b' => binary(size),
        _ => return None,
    };
    let text = if matches!(verb, 'G' | 'E' | 'X') {
        text.to_uppercase()
    } else {
        text
    };
    Some(if spec.sharp && verb != 'b' {
        pointed(&text, verb, spec.precision)
    } else {
        text
    })
}

/// `%e`: at least two digits of exponent.
fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}

/// `%.ng`
fn general(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let power: i32 = text
        .split_once('e')
        .and_then(|(_, p)| p.parse().ok())
        .unwrap_or(0);
    let trim = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    // %e is used when the exponent does not fit the precision.
    let digits = shortest_length(value);
    let limit = if precision > digits && digits as i32 > power {
        digits
    } else {
        precision
    };
    if value != 0.0 && (power < -4 || power >= limit as i32) {
        let text = exponent(value, precision - 1);
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{power}", trim(mantissa.to_owned()));
    }
    let places = (precision as i32 - 1 - power).max(0) as usize;
    trim(format!("{value:.places$}"))
}

/// How many digits say the value exactly enough.
fn shortest_length(value: f64) -> usize {
    let text = format!("{value:e}");
    let mantissa = text.split('e').next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).count()
}

/// Mantissa and exponent such that the value is their product with a power of two.
fn parts(size: f64) -> (u64, i32) {
    let bits = size.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1022),
        power => (fraction | 1 << 52, power - 1023),
    }
}

/// `%b`
fn binary(size: f64) -> String {
    let (mantissa, power) = parts(size);
    format!("{mantissa}p{:+}", power - 52)
}

/// `%x`
fn hexadecimal(size: f64, precision: Option<usize>) -> String {
    let (mantissa, mut power) = parts(size);
    let mut bits = u128::from(mantissa) << 8;
    if bits == 0 {
        power = 0;
    }
    while bits != 0 && bits & (1 << 60) == 0 {
        bits <<= 1;
        power -= 1;
    }
    if let Some(places) = precision.filter(|places| *places < 15) {
        let cut = 60 - 4 * places;
        let rest = bits & ((1 << cut) - 1);
        bits >>= cut;
        let half = 1 << (cut - 1);
        if rest > half || rest == half && bits & 1 == 1 {
            bits += 1;
        }
        bits <<= cut;
        if bits & (1 << 61) != 0 {
            bits >>= 1;
            power += 1;
        }
    }
    let lead = bits >> 60 & 1;
    let digits = format!("{:015x}", bits & ((1 << 60) - 1));
    let digits = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(places) => format!("{digits:0<places$}").chars().take(places).collect(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x{lead}{point}{digits}p{sign}{:02}", power.abs())
}

/// `#`: a point in any case, and the zeros that `%g` leaves away.
fn pointed(text: &str, verb: char, precision: Option<usize>) -> String {
    let is_hex = matches!(verb, 'x' | 'X');
    let tail_at = text.find(|c| matches!(c, 'p' | 'P') || !is_hex && matches!(c, 'e' | 'E'));
    let (number, tail) = text.split_at(tail_at.unwrap_or(text.len()));
    let wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    // Go counts the x of 0x as a digit.
    let significant = number.trim_start_matches(['0', '.']);
    let mut digits = significant.chars().filter(|c| *c != '.').count();
    let mut out = number.to_owned();
    if !number.contains('.') {
        digits += usize::from(number == "0");
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', wanted.saturating_sub(digits)));
    out + tail
}

#[cfg(test)]
mod tests {
    use super::{Spec, text};

    #[test]
    fn floats_by_verb() {
        for (verb, sharp, precision, value, wanted) in [
            ('x', false, None, 1.5, "0x1.8p+00"),
            ('x', true, None, 1.5, "0x1.8000p+00"),
            ('X', false, None, 0.1, "0X1.999999999999AP-04"),
            ('x', false, Some(1), 1.99, "0x1.0p+01"),
            ('x', false, None, 0.0, "0x0p+00"),
            ('b', false, None, 1.0, "4503599627370496p-52"),
            ('g', true, None, 9.5, "9.50000"),
            ('g', false, Some(3), 1e6, "1e+06"),
            ('e', true, Some(0), 8.0, "8.e+00"),
        ] {
            let spec = Spec {
                sharp,
                precision,
                ..Spec::default()
            };
            assert_eq!(
                text(verb, value, &spec).as_deref(),
                Some(wanted),
                "%{verb} {value}"
            );
        }
    }
}
