//! Documents and what helm 3.17.3 says of them.

use super::{from_toml, to_toml};
use crate::value::Value;

fn error(text: &str) -> String {
    from_toml(text.as_bytes()).err().unwrap_or_default()
}

/// The table of a document as TOML again.
fn again(text: &str) -> String {
    let value = from_toml(text.as_bytes()).unwrap();
    String::from_utf8(to_toml(&value).unwrap()).unwrap()
}

#[test]
fn errors_name_the_line_and_the_key() {
    for (text, expected) in [
        ("a", "toml: line 0: unexpected EOF; expected key separator '='"),
        (
            "a = ",
            "toml: line 0 (last key \"a\"): unexpected EOF; expected value",
        ),
        (
            "a = \n",
            "toml: line 2 (last key \"a\"): expected value but found '\\n' instead",
        ),
        (
            "a = 1979-0",
            "toml: line 1 (last key \"a\"): invalid datetime: \"1979-0\"",
        ),
        (
            "a = \"\\",
            "toml: line 0 (last key \"a\"): invalid escape in string '\\\0'",
        ),
        (
            "a = 'x\r\n'",
            "toml: line 0 (last key \"a\"): strings cannot contain newlines",
        ),
        (
            "a = inx",
            "toml: line 1 (last key \"a\"): expected value but found \"nx\" instead",
        ),
        (
            "a = ian",
            "toml: line 1 (last key \"a\"): Invalid float \"ian\": underscores must be surrounded by digits",
        ),
        (
            "[a]\nb = 0x",
            "toml: line 2 (last key \"a.b\"): not a hexidecimal number: '0x\0'",
        ),
        (
            "[",
            "toml: line 1: unexpected end of table name (table names cannot be empty)",
        ),
        (
            "\u{feff}a\0",
            "toml: line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8",
        ),
        (
            "# \u{7f}",
            "toml: line 1: TOML files cannot contain control characters: '0x7f'",
        ),
        (
            "a = 1\n[b.c]\n[b]\n[b.c]",
            "toml: line 4 (last key \"b\"): Key 'b.c' has already been defined.",
        ),
        (
            "a = {b = 1, b = 2}",
            "toml: line 1 (last key \"a.b\"): Key 'a.b' has already been defined.",
        ),
        (
            "a = {b = [1], b.c = 2}",
            "toml: line 1 (last key \"a.b.c\"): \"a.b\" is not a table",
        ),
        (
            "a = 1\n[a.\"b c\"]",
            "toml: line 2: Key 'a' was already created as a hash.",
        ),
    ] {
        assert_eq!(error(text), expected, "{text:?}");
    }
    assert_eq!(
        from_toml(b"a\xff").err().unwrap(),
        "toml: line 1: invalid UTF-8 byte: 0xff"
    );
}

#[test]
fn arrays_may_be_defined_again() {
    assert_eq!(again("a = 1\na = [2]\na = 3"), "a = 3\n");
    assert_eq!(again("a = [1]\n[a]\nb = 2"), "\n[a]\n  b = 2\n".trim_start());
}

#[test]
fn lists_of_tables_have_a_type_of_their_own() {
    let value = from_toml(b"[[a]]\n[[a]]\nb = 1\n").unwrap();
    let list = value.as_map().and_then(|map| map.get("a")).unwrap();
    assert_eq!(list.type_name(), "[]map[string]interface {}");
    let value = from_toml(b"a = [{}, {b = 1}]").unwrap();
    let list = value.as_map().and_then(|map| map.get("a")).unwrap();
    assert_eq!(list.type_name(), "[]interface {}");
}

#[test]
fn backslashes_join_lines() {
    let value = from_toml(b"a = \"\"\"\nx \\\n\n   y\\\\\n\"\"\"\"\"").unwrap();
    let text = value.as_map().and_then(|map| map.get("a")).unwrap();
    assert!(text.deep_equal(&Value::str("x y\\\n\"\"")));
}

#[test]
fn nesting_is_limited() {
    let deep = |open: &str, count: usize, close: &str| {
        let text = format!("a = {}{}", open.repeat(count), close.repeat(count));
        from_toml(text.as_bytes()).err().unwrap_or_default()
    };
    assert_eq!(deep("[", 9_000, "]"), "");
    assert!(deep("[", 11_000, "]").ends_with("value nests too deeply"));
    assert_eq!(deep("{a=[", 300, "]}"), "");
}
