//! Random text and identifiers.

use super::{Row, int_of};
use crate::template::exec::Fault;
use crate::value::Value;
use base64::Engine as _;
use rand::Rng as _;
use rand::seq::SliceRandom as _;

pub(super) const TABLE: &[Row] = &[
    ("randAlphaNum", "i", |c, a| {
        random(c, a, |c| c.is_ascii_alphanumeric())
    }),
    ("randAlpha", "i", |c, a| random(c, a, |c| c.is_ascii_alphabetic())),
    ("randNumeric", "i", |c, a| random(c, a, |c| c.is_ascii_digit())),
    ("randAscii", "i", |c, a| {
        random(c, a, |c| c.is_ascii_graphic() || c == ' ')
    }),
    ("randInt", "ii", |_, a| {
        let (low, high) = (int_of(&a[0]), int_of(&a[1]));
        if high <= low {
            return Fault::plain("invalid argument to Intn");
        }
        Ok(Value::int(rand::rng().random_range(low..high)))
    }),
    ("randBytes", "i", |context, a| {
        let Ok(count) = usize::try_from(int_of(&a[0])) else {
            return Fault::plain("runtime error: makeslice: len out of range");
        };
        context.session.check_size(count)?;
        let mut bytes = vec![0; count];
        rand::rng().fill(&mut bytes[..]);
        Ok(Value::str(
            base64::engine::general_purpose::STANDARD.encode(bytes),
        ))
    }),
    ("shuffle", "s", |_, a| {
        let mut chars: Vec<char> = super::text_of(&a[0]).chars().collect();
        chars.shuffle(&mut rand::rng());
        Ok(Value::str(chars.into_iter().collect::<String>()))
    }),
    ("uuidv4", "", |_, _| {
        Ok(Value::str(uuid::Uuid::new_v4().to_string()))
    }),
];

fn random(
    context: &super::Context<'_, '_>,
    args: &[Value],
    allowed: fn(char) -> bool,
) -> Result<Value, Fault> {
    // A negative count gives nothing: sprig drops the error.
    let count = usize::try_from(int_of(&args[0])).unwrap_or(0);
    context.session.check_size(count)?;
    let pool: Vec<char> = ('\0'..='\u{7f}').filter(|c| allowed(*c)).collect();
    let mut source = rand::rng();
    Ok(Value::str(
        (0..count)
            .map(|_| pool[source.random_range(0..pool.len())])
            .collect::<String>(),
    ))
}
