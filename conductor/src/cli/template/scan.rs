//! Values of flags as Go reads them: truth, numbers, times, lists with commas.

/// `strconv.ParseBool`.
pub fn truth(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(number_error("ParseBool", text, "invalid syntax")),
    }
}

fn number_error(function: &str, text: &str, why: &str) -> String {
    format!("strconv.{function}: parsing {}: {why}", helm::go_quote(text))
}

/// `strconv.ParseInt` with the base that the text says.
pub fn int(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    if digits.starts_with(['+', '-']) {
        return Err(number_error("ParseInt", text, "invalid syntax"));
    }
    match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                    "value out of range"
                }
                _ => "invalid syntax",
            };
            Err(number_error("ParseInt", text, why))
        }
    }
}

/// `strconv.ParseFloat`, 32 bits.
pub fn float(text: &str) -> Result<(), String> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() || text.to_ascii_lowercase().contains('n') => Ok(()),
        Ok(_) => Err(number_error("ParseFloat", text, "value out of range")),
        Err(_) => Err(number_error("ParseFloat", text, "invalid syntax")),
    }
}

/// `time.ParseDuration`.
pub fn duration(text: &str) -> Result<(), String> {
    helm::go_duration_error(text).map_or(Ok(()), Err)
}

/// How many bytes at the start fit.
fn span(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// One record of `encoding/csv`; nothing if there is no text.
pub fn csv(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut left = text.trim_start_matches('\n');
    if left.is_empty() {
        return Err("EOF".to_owned());
    }
    let whole = left;
    let mut fields = Vec::new();
    loop {
        let at = whole.len() - left.len();
        let (field, after) = match left.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, at + 1)?,
            None => plain_field(left, at)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => left = next,
            None => return Ok(fields),
        }
    }
}

fn csv_error(at: usize, why: &str) -> String {
    format!("parse error on line 1, column {}: {why}", at + 1)
}

fn plain_field(left: &str, at: usize) -> Result<(String, &str), String> {
    let end = span(left, |c| c != ',' && c != '\n');
    let field = &left[..end];
    match field.find('"') {
        Some(quote) => Err(csv_error(at + quote, "bare \" in non-quoted-field")),
        None => Ok((field.to_owned(), &left[end..])),
    }
}

/// A field after its quotation mark, which ends before `at`.
fn quoted_field(quoted: &str, at: usize) -> Result<(String, &str), String> {
    let why = "extraneous or missing \" in quoted-field";
    let mut field = String::new();
    let mut left = quoted;
    loop {
        let Some(quote) = left.find('"') else {
            return Err(csv_error(at + quoted.len(), why));
        };
        field.push_str(&left[..quote]);
        left = &left[quote + 1..];
        match left.chars().next() {
            Some('"') => {
                field.push('"');
                left = &left[1..];
            }
            None | Some(',' | '\n') => return Ok((field, left)),
            Some(_) => return Err(csv_error(at + quoted.len() - left.len() - 1, why)),
        }
    }
}

/// `key=value`, or several as one record of `encoding/csv`.
pub fn pairs(text: &str) -> Result<Vec<String>, String> {
    let pairs = match text.matches('=').count() {
        0 => vec![text.to_owned()],
        1 => vec![text.trim_matches('"').to_owned()],
        _ => csv(text)?,
    };
    match pairs.iter().find(|pair| !pair.contains('=')) {
        Some(pair) => Err(format!("{pair} must be formatted as key=value")),
        None => Ok(pairs),
    }
}
