//! Base64, base32, hashes, JSON, paths and letter cases.

use super::{Row, json, text_of};
use crate::template::exec::Fault;
use crate::value::Value;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

pub(super) const TABLE: &[Row] = &[
    ("b64enc", "s", |_, a| {
        Ok(Value::str(STANDARD.encode(bytes(&a[0]))))
    }),
    ("b64dec", "s", |_, a| Ok(b64dec(bytes(&a[0])))),
    ("b32enc", "s", |_, a| Ok(Value::str(b32enc(bytes(&a[0]))))),
    ("b32dec", "s", |_, a| Ok(b32dec(bytes(&a[0])))),
    ("sha256sum", "s", |_, a| {
        Ok(Value::str(hex(&Sha256::digest(bytes(&a[0])))))
    }),
    ("sha512sum", "s", |_, a| {
        Ok(Value::str(hex(&Sha512::digest(bytes(&a[0])))))
    }),
    ("sha1sum", "s", |_, a| {
        Ok(Value::str(hex(&sha1::Sha1::digest(bytes(&a[0])))))
    }),
    ("adler32sum", "s", |_, a| {
        Ok(Value::str(adler32(bytes(&a[0])).to_string()))
    }),
    ("mustToJson", "a", |_, a| to_json(json::to_json(&a[0], true))),
    ("toPrettyJson", "a", |_, a| {
        Ok(Value::string_from(json::to_pretty(&a[0]).unwrap_or_default()))
    }),
    ("mustToPrettyJson", "a", |_, a| to_json(json::to_pretty(&a[0]))),
    ("toRawJson", "a", |_, a| to_json(json::to_json(&a[0], false))),
    ("mustToRawJson", "a", |_, a| to_json(json::to_json(&a[0], false))),
    ("mustFromJson", "s", |_, a| {
        json::parse(a[0].string_bytes().unwrap_or_default())
            .map(|j| Value::from_json(&j))
            .map_err(Fault::of)
    }),
    ("base", "s", |_, a| Ok(path(&a[0], base))),
    ("osBase", "s", |_, a| Ok(path(&a[0], base))),
    ("dir", "s", |_, a| Ok(path(&a[0], dir))),
    ("osDir", "s", |_, a| Ok(path(&a[0], dir))),
    ("clean", "s", |_, a| Ok(path(&a[0], clean))),
    ("osClean", "s", |_, a| Ok(path(&a[0], clean))),
    ("ext", "s", |_, a| Ok(path(&a[0], ext))),
    ("osExt", "s", |_, a| Ok(path(&a[0], ext))),
    ("isAbs", "s", |_, a| {
        Ok(Value::Bool(text_of(&a[0]).starts_with('/')))
    }),
    ("osIsAbs", "s", |_, a| {
        Ok(Value::Bool(text_of(&a[0]).starts_with('/')))
    }),
];

fn bytes(value: &Value) -> &[u8] {
    value.string_bytes().unwrap_or_default()
}

fn to_json(result: Result<Vec<u8>, String>) -> Result<Value, Fault> {
    result.map(Value::string_from).map_err(Fault::of)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Errors are the result, as in sprig.
fn b64dec(text: &[u8]) -> Value {
    base64_decoded(text).map_or_else(Value::str, Value::string_from)
}

/// Go's `base64.StdEncoding`: it passes over line breaks, and names the first bad byte's place.
pub(super) fn base64_decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let compact: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    let lenient = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    lenient
        .decode(&compact)
        .map_err(|_| format!("illegal base64 data at input byte {}", b64_fault(text)))
}

/// Where Go's decoder stops.
fn b64_fault(text: &[u8]) -> usize {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let mut in_quantum = 0;
    let mut quantum_start = 0;
    let mut i = 0;
    while i < text.len() {
        let b = text[i];
        if matches!(b, b'\r' | b'\n') {
            i += 1;
            continue;
        }
        if in_quantum == 0 {
            quantum_start = i;
        }
        if good(b) {
            in_quantum = (in_quantum + 1) % 4;
            i += 1;
            continue;
        }
        if b != b'=' || in_quantum < 2 {
            return i;
        }
        if in_quantum == 2 {
            let next = text[i + 1..]
                .iter()
                .position(|b| !matches!(b, b'\r' | b'\n'))
                .map(|n| n + i + 1);
            match next {
                None => return text.len(),
                Some(at) if text[at] != b'=' => return at - 1,
                Some(at) => i = at,
            }
        }
        return text[i + 1..]
            .iter()
            .position(|b| !matches!(b, b'\r' | b'\n'))
            .map_or(text.len(), |n| n + i + 1);
    }
    // The last quantum is short.
    let _ = quantum_start;
    text.len() - in_quantum
}

const B32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn b32enc(data: &[u8]) -> String {
    let mut out = String::new();
    for chunk in data.chunks(5) {
        let mut block = [0u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let value = u64::from_be_bytes(block);
        let used = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            out.push(if i < used {
                B32[((value >> (35 - 5 * i)) & 31) as usize] as char
            } else {
                '='
            });
        }
    }
    out
}

/// Go's `base32.StdEncoding`: it passes over line breaks, and names the first bad byte's place.
fn b32dec(text: &[u8]) -> Value {
    let line_break = |b: &&u8| !matches!(b, b'\r' | b'\n');
    let compact: Vec<u8> = text.iter().filter(line_break).copied().collect();
    let bad = |at: usize| Value::str(format!("illegal base32 data at input byte {at}"));
    let mut out = Vec::new();
    for (block, quantum) in compact.chunks(8).enumerate() {
        let start = 8 * block;
        let (mut bits, mut count) = (0u64, 0);
        for (j, byte) in quantum.iter().enumerate() {
            let left = compact.len() - start - j - 1;
            if *byte == b'=' && j >= 2 && left < 8 {
                if left + j < 7 {
                    return bad(compact.len());
                }
                let wrong = (0..7 - j).find(|k| compact.get(start + j + 1 + k).is_some_and(|b| *b != b'='));
                match wrong {
                    Some(k) => return bad(start + j + k),
                    None if matches!(j, 3 | 6) => return bad(start + j),
                    None => {}
                }
                // What follows the padding is not looked at.
                out.extend((bits << (40 - 5 * j)).to_be_bytes()[3..3 + j * 5 / 8].iter());
                return Value::string_from(out);
            }
            let Some(value) = B32.iter().position(|b| b == byte) else {
                return bad(start + j);
            };
            bits = (bits << 5) | value as u64;
            count += 1;
        }
        if count < 8 {
            return bad(start);
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Value::string_from(out)
}

fn adler32(data: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    (b << 16) | a
}

/// A path with its bytes taken for characters: only some of ASCII matter.
fn path(value: &Value, f: fn(&str) -> String) -> Value {
    match value {
        Value::Str(text) => Value::str(f(text)),
        other => {
            let latin: String = bytes(other).iter().copied().map(char::from).collect();
            let made = f(&latin);
            let bytes = made.chars().filter_map(|c| u8::try_from(u32::from(c)).ok());
            Value::string_from(bytes.collect())
        }
    }
}

/// `path.Clean`
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// `path.Base`
fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/".into();
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed).into()
}

/// `path.Dir`
fn dir(path: &str) -> String {
    clean(&path[..path.rfind('/').map_or(0, |at| at + 1)])
}

/// `path.Ext`
fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or(String::new(), |at| name[at..].into())
}
