//! Numbers as the validator compares and prints them.

use serde_json::{Number, Value};

/// A decimal number, `digits` times ten to the power of `exponent`.
struct Decimal {
    digits: i128,
    exponent: i32,
}

fn decimal(number: f64) -> Option<Decimal> {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    Some(Decimal {
        digits: format!("{whole}{fraction}").parse().ok()?,
        exponent: exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?,
    })
}

/// Whether `number` is a whole multiple of `of`, in decimal arithmetic.
pub(super) fn is_multiple(number: f64, of: f64) -> bool {
    let exact = || {
        let (number, of) = (decimal(number)?, decimal(of)?);
        let shift = number.exponent - of.exponent;
        let power = 10i128.checked_pow(shift.unsigned_abs())?;
        if shift >= 0 {
            number.digits.checked_mul(power)?.checked_rem(of.digits)
        } else {
            number.digits.checked_rem(of.digits.checked_mul(power)?)
        }
    };
    exact().map_or_else(|| number % of == 0.0, |rest| rest == 0)
}

/// Whether JSON Schema takes it for an integer: `1.0` is one.
pub(super) fn is_integer(number: &Number) -> bool {
    number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// As Go's `big.Float` prints: an exponent from a million on.
pub(crate) fn shown(number: f64) -> String {
    let text = format!("{number:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..6).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", power.abs())
        }
        _ => format!("{number}"),
    }
}

/// A value as JSON with numbers as Go prints floats, keys sorted: equal values give equal text.
pub(super) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    crate::values::numbers_as_floats(&mut value);
    helm_template::to_json(&value)
}
