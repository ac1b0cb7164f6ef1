//! sprig's arithmetic and its functions on types.

use super::cast::{to_float64, to_int64};
use super::{Row, int_of, strval_text, text_of};
use crate::template::exec::Fault;
use crate::template::number::{format_float, nearest_int, parse_int};
use crate::value::Value;
use num_bigint::BigInt;

type Result = std::result::Result<Value, Fault>;

pub(super) const TABLE: &[Row] = &[
    ("int", "a", |_, a| Ok(Value::int(to_int64(&a[0])))),
    ("int64", "a", |_, a| Ok(Value::int64(to_int64(&a[0])))),
    ("float64", "a", |_, a| Ok(Value::Float(to_float64(&a[0])))),
    ("atoi", "s", |_, a| {
        Ok(Value::int(nearest_int(&text_of(&a[0]), 10)))
    }),
    ("toDecimal", "a", |_, a| {
        Ok(Value::int64(parse_int(&strval_text(&a[0]), 8).unwrap_or(0)))
    }),
    ("add1", "a", |_, a| {
        Ok(Value::int64(to_int64(&a[0]).wrapping_add(1)))
    }),
    ("add", "a*", |_, a| {
        Ok(Value::int64(a.iter().map(to_int64).fold(0, i64::wrapping_add)))
    }),
    ("sub", "aa", |_, a| {
        Ok(Value::int64(to_int64(&a[0]).wrapping_sub(to_int64(&a[1]))))
    }),
    ("mul", "aa*", |_, a| {
        Ok(Value::int64(a.iter().map(to_int64).fold(1, i64::wrapping_mul)))
    }),
    ("div", "aa", |_, a| divide(a, i64::wrapping_div)),
    ("mod", "aa", |_, a| divide(a, i64::wrapping_rem)),
    ("max", "aa*", |_, a| {
        Ok(Value::int64(a.iter().map(to_int64).max().unwrap_or(0)))
    }),
    ("biggest", "aa*", |_, a| {
        Ok(Value::int64(a.iter().map(to_int64).max().unwrap_or(0)))
    }),
    ("min", "aa*", |_, a| {
        Ok(Value::int64(a.iter().map(to_int64).min().unwrap_or(0)))
    }),
    ("maxf", "aa*", |_, a| {
        Ok(Value::Float(
            a.iter().map(to_float64).reduce(larger).unwrap_or(0.0),
        ))
    }),
    ("minf", "aa*", |_, a| {
        Ok(Value::Float(
            a.iter()
                .map(to_float64)
                .reduce(|a, b| match -larger(-a, -b) {
                    least if least.is_nan() => f64::NAN,
                    least => least,
                })
                .unwrap_or(0.0),
        ))
    }),
    ("add1f", "a", |_, a| {
        decimal(&[a[0].clone(), Value::int(1)], Op::Add)
    }),
    ("addf", "a*", |_, a| decimal(a, Op::Add)),
    ("subf", "aa*", |_, a| decimal(a, Op::Sub)),
    ("mulf", "aa*", |_, a| decimal(a, Op::Mul)),
    ("divf", "aa*", |_, a| decimal(a, Op::Div)),
    ("floor", "a", |_, a| Ok(Value::Float(to_float64(&a[0]).floor()))),
    ("ceil", "a", |_, a| Ok(Value::Float(to_float64(&a[0]).ceil()))),
    ("round", "aif*", |_, a| Ok(Value::Float(round(a)))),
    ("typeOf", "a", |_, a| Ok(Value::str(type_of(&a[0])))),
    ("typeIs", "sa", |_, a| {
        Ok(Value::Bool(text_of(&a[0]) == type_of(&a[1])))
    }),
    ("typeIsLike", "sa", |_, a| {
        let (wanted, found) = (text_of(&a[0]), type_of(&a[1]));
        Ok(Value::Bool(wanted == found || format!("*{wanted}") == found))
    }),
    ("kindOf", "a", |_, a| Ok(Value::str(a[0].kind()))),
    ("kindIs", "sa", |_, a| {
        Ok(Value::Bool(text_of(&a[0]) == a[1].kind()))
    }),
    ("deepEqual", "aa", |_, a| Ok(Value::Bool(a[0].deep_equal(&a[1])))),
];

fn type_of(value: &Value) -> String {
    if value.is_nil() {
        "<nil>".into()
    } else {
        value.type_name()
    }
}

fn divide(args: &[Value], op: fn(i64, i64) -> i64) -> Result {
    match to_int64(&args[1]) {
        0 => Fault::plain("runtime error: integer divide by zero"),
        divisor => Ok(Value::int64(op(to_int64(&args[0]), divisor))),
    }
}

/// `math.Max`: of a number and none there is none.
fn larger(a: f64, b: f64) -> f64 {
    match (a.is_nan() || b.is_nan(), a == 0.0 && b == 0.0) {
        (_, _) if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        (true, _) => f64::NAN,
        (_, true) => {
            if a.is_sign_negative() {
                b
            } else {
                a
            }
        }
        _ => a.max(b),
    }
}

/// `math.Pow(10, exponent)`, by the same multiplications, so that it is off by as much.
fn power_of_ten(exponent: i64) -> f64 {
    if exponent.unsigned_abs() > 400 {
        return if exponent < 0 { 0.0 } else { f64::INFINITY };
    }
    // Ten is 0.625 times two to the fourth.
    let (mut result, mut result_power) = (1.0, 0);
    let (mut base, mut base_power) = (0.625, 4);
    let mut left = exponent.unsigned_abs();
    while left != 0 {
        if left & 1 == 1 {
            result *= base;
            result_power += base_power;
        }
        base *= base;
        base_power *= 2;
        if base < 0.5 {
            base += base;
            base_power -= 1;
        }
        left >>= 1;
    }
    if exponent < 0 {
        result = 1.0 / result;
        result_power = -result_power;
    }
    // In two steps, since the power alone may be out of range.
    let half = result_power / 2;
    result * 2f64.powi(half) * 2f64.powi(result_power - half)
}

fn round(args: &[Value]) -> f64 {
    let limit = args.get(2).map_or(0.5, to_float64);
    let power = power_of_ten(int_of(&args[1]));
    let digit = power * to_float64(&args[0]);
    let rounded = if digit - digit.trunc() >= limit {
        digit.ceil()
    } else {
        digit.floor()
    };
    rounded / power
}

#[derive(Clone, Copy)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

/// `shopspring/decimal`: exact on the shortest decimal text of each operand.
struct Decimal {
    digits: BigInt,
    exponent: i32,
}

/// `decimal.DivisionPrecision`
const PLACES: i32 = 16;

impl Decimal {
    /// None for what is no number.
    fn from_float(value: f64) -> Option<Self> {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let places = mantissa.split_once('.').map_or(0, |(_, part)| part.len());
        Some(Self {
            digits: mantissa.replace('.', "").parse().ok()?,
            exponent: exponent.parse::<i32>().ok()? - i32::try_from(places).ok()?,
        })
    }

    /// The digits by a smaller exponent.
    fn scaled(&self, exponent: i32) -> BigInt {
        &self.digits * BigInt::from(10).pow(self.exponent.abs_diff(exponent))
    }

    fn apply(&self, other: &Self, op: Op) -> Self {
        let exponent = self.exponent.min(other.exponent);
        match op {
            Op::Add => Self {
                digits: self.scaled(exponent) + other.scaled(exponent),
                exponent,
            },
            Op::Sub => Self {
                digits: self.scaled(exponent) - other.scaled(exponent),
                exponent,
            },
            Op::Mul => Self {
                digits: &self.digits * &other.digits,
                exponent: self.exponent.saturating_add(other.exponent),
            },
            Op::Div => self.divide(other),
        }
    }

    /// Sixteen places, rounded half away from zero; `other` is not zero.
    fn divide(&self, other: &Self) -> Self {
        let shift = self
            .exponent
            .saturating_sub(other.exponent)
            .saturating_add(PLACES);
        let power = BigInt::from(10).pow(shift.unsigned_abs());
        let (numerator, denominator) = match shift {
            0.. => (&self.digits * power, other.digits.clone()),
            _ => (self.digits.clone(), &other.digits * power),
        };
        let (quotient, remainder) = (&numerator / &denominator, &numerator % &denominator);
        let up = remainder.magnitude() * 2u8 >= *denominator.magnitude();
        let one = BigInt::from_biguint(numerator.sign() * denominator.sign(), 1u8.into());
        Self {
            digits: if up { quotient + one } else { quotient },
            exponent: -PLACES,
        }
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent)
            .parse()
            .unwrap_or(0.0)
    }
}

fn decimal(args: &[Value], op: Op) -> Result {
    let numbers: Vec<f64> = args.iter().map(to_float64).collect();
    let Some((first, rest)) = numbers.split_first() else {
        return Ok(Value::Float(0.0));
    };
    for (at, number) in numbers.iter().enumerate() {
        if !number.is_finite() {
            let number = format_float(*number);
            return Fault::plain(format!("Cannot create a Decimal from {number}"));
        }
        if at > 0 && matches!(op, Op::Div) && *number == 0.0 {
            return Fault::plain("decimal division by 0");
        }
    }
    let exact = Decimal::from_float(*first).and_then(|first| {
        rest.iter().try_fold(first, |sum, next| {
            Some(sum.apply(&Decimal::from_float(*next)?, op))
        })
    });
    Ok(Value::Float(exact.map_or(f64::NAN, |exact| exact.to_float())))
}
