//! `json.Unmarshal` into an interface, with Go's complaints (`encoding/json`, scanner.go and decode.go).

use serde_json::{Map, Number, Value as Json};

/// Arrays and objects may nest this deep.
const MAX_DEPTH: usize = 10_000;

/// Reads one value and nothing else; numbers become float64.
pub(crate) fn parse(text: &[u8]) -> Result<Json, String> {
    match parse_on(text)? {
        (value, None) => Ok(value),
        (_, Some(message)) => Err(message),
    }
}

/// As `parse`, but a number that float64 cannot hold is read as null, and the first such complained of beside
/// the value: Go looks at the syntax of the whole text first, and reads on.
pub(crate) fn parse_on(text: &[u8]) -> Result<(Json, Option<String>), String> {
    let mut reader = Reader {
        bytes: text,
        at: 0,
        depth: 0,
        overflow: None,
    };
    reader.blanks();
    let value = reader.value()?;
    reader.blanks();
    if reader.at < reader.bytes.len() {
        return reader.fail("after top-level value");
    }
    // Not a null: Go would complain of the type first.
    let value = match (&reader.overflow, value) {
        (Some(_), Json::Null) => Json::from(0),
        (_, value) => value,
    };
    let message = reader
        .overflow
        .map(|number| format!("json: cannot unmarshal number {number} into Go value of type float64"));
    Ok((value, message))
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    overflow: Option<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The complaint about the byte at hand.
    fn fail<T>(&self, context: &str) -> Result<T, String> {
        // At the end Go tries a blank: where one may stand, the text is merely short.
        let inside = [
            "in literal",
            "in numeric",
            "after decimal",
            "in exponent",
            "in \\u",
            "in string escape",
        ];
        let shown = match self.peek() {
            None if inside.iter().any(|start| context.starts_with(start)) => "' '".to_owned(),
            None => return Err("unexpected end of JSON input".to_owned()),
            Some(byte) => Self::shown(byte),
        };
        Err(format!("invalid character {shown} {context}"))
    }

    fn shown(byte: u8) -> String {
        match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = crate::gofmt::quote(&char::from(byte).to_string());
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            _ => self.fail("looking for beginning of value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, String>) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        let value = crate::stack::grow(|| read(self));
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut map = Map::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(map));
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.fail("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.blanks();
            if self.peek() != Some(b':') {
                return self.fail("after object key");
            }
            self.at += 1;
            self.blanks();
            let value = self.value()?;
            map.insert(key, value);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(map));
                }
                _ => return self.fail("after object key:value pair"),
            }
            self.blanks();
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return self.fail("after array element"),
            }
            self.blanks();
        }
    }

    fn literal(&mut self, word: &str, value: Json) -> Result<Json, String> {
        for wanted in word.bytes() {
            if self.peek() != Some(wanted) {
                let wanted = char::from(wanted);
                return self.fail(&format!("in literal {word} (expecting '{wanted}')"));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.fail("in numeric literal"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("after decimal point in numeric literal");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("in exponent of numeric literal");
            }
            self.digits();
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        let float = text.parse::<f64>().ok().and_then(Number::from_f64);
        if float.is_none() {
            self.overflow.get_or_insert(text);
        }
        Ok(float.map_or(Json::Null, Json::Number))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                Some(0..=0x1f) | None => return self.fail("in string literal"),
                Some(byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(crate::unicode::lossy(&out).into_owned())
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let plain = match self.peek() {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(byte @ (b'\\' | b'/' | b'"')) => byte,
            Some(b'u') => {
                self.at += 1;
                let c = self.unicode()?;
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
                return Ok(());
            }
            _ => return self.fail("in string escape code"),
        };
        out.push(plain);
        self.at += 1;
        Ok(())
    }

    /// What follows `\u`; half a pair becomes the replacement character.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) || !self.bytes[self.at..].starts_with(b"\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.at += 2;
        let second = self.hex()?;
        if (0xdc00..0xe000).contains(&second) {
            let joined = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut value = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.fail("in \\u hexadecimal character escape");
            };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn complaints_are_gos() {
        for (text, wanted) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{'a':1}",
                "invalid character '\\'' looking for beginning of object key string",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":1}x", "invalid character 'x' after top-level value"),
            ("tru!", "invalid character '!' in literal true (expecting 'e')"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            (
                "1.",
                "invalid character ' ' after decimal point in numeric literal",
            ),
            (
                "\"\\u12",
                "invalid character ' ' in \\u hexadecimal character escape",
            ),
            (
                "1e400",
                "json: cannot unmarshal number 1e400 into Go value of type float64",
            ),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), wanted, "{text}");
        }
    }

    #[test]
    fn values_are_read() {
        let value = parse(b" {\"a\": [1, -2.5e1, \"\\u00e9\\ud83d\\ude00\\ud800\"], \"b\": null} ").unwrap();
        assert_eq!(
            value,
            serde_json::json!({"a": [1.0, -25.0, "é😀\u{fffd}"], "b": null})
        );
    }
}
