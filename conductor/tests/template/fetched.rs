//! What is fetched: schemas that `values.schema.json` refers to, and values at URLs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};

use crate::stage::Stage;

/// Answers for as long as the test runs.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap_or_default();
            lines.find(|line| line.as_ref().map_or(true, String::is_empty));
            let path = first.split(' ').nth(1).unwrap_or_default();
            let _ = connection.write_all(answer(path).as_bytes());
        }
    });
    address
}

fn answer(path: &str) -> String {
    let (status, body) = match path {
        "/int.json" => ("200 OK", "{\"definitions\": {\"n\": {\"type\": \"integer\"}}}"),
        "/dir/chain.json" => ("200 OK", "{\"$ref\": \"../int.json#/definitions/n\"}"),
        "/moved" => ("302 Found\r\nLocation: /dir/chain.json", ""),
        "/values.yaml" => ("200 OK", "b: 2\n"),
        "/words" => ("200 OK", "nowords"),
        "/cut" => ("200 OK", "{\"a\": "),
        "/nothing" => ("200 OK", ""),
        "/list" => ("200 OK", "[1]"),
        "/broken" => ("500 Internal Server Error", ""),
        _ => ("404 Not Found", ""),
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Schemas, and what is said of them; nothing if the values fit.
const SCHEMAS: &[(&str, &str)] = &[
    (
        r#"{"properties":{"b":{"$ref":"S/int.json#/definitions/n"}}}"#,
        NO_INT,
    ),
    (r#"{"properties":{"b":{"$ref":"S/dir/chain.json"}}}"#, NO_INT),
    (r#"{"properties":{"b":{"$ref":"S/moved"}}}"#, NO_INT),
    (
        r#"{"$id":"S/dir/x.json","properties":{"b":{"$ref":"chain.json"}}}"#,
        NO_INT,
    ),
    (
        r#"{"$id":"S/x.json","properties":{"b":{"$id":"dir/","$ref":"chain.json"}}}"#,
        NO_INT,
    ),
    (
        r##"{"$id":"S/x.json","properties":{"b":{"$ref":"#n"}},"definitions":{"n":{"$id":"#n","type":"integer"}}}"##,
        NO_INT,
    ),
    (r#"{"properties":{"a":{"$ref":"S/int.json#/definitions/n"}}}"#, ""),
    (r#"{"properties":{"z":{"enum":[{"$ref":"S/none"}]}}}"#, ""),
    (r#"{"$defs":{"z":{"$ref":"S/none"}}}"#, ""),
    (
        r#"{"properties":{"z":{"$ref":"S/int.json#/definitions/m"}}}"#,
        "Object has no key 'm'",
    ),
    (
        r#"{"properties":{"z":{"$ref":"S/none"}}}"#,
        "Could not read schema from HTTP, response status is 404 Not Found",
    ),
    (
        r#"{"definitions":{"z":{"anyOf":[{"$ref":"S/broken"}]}}}"#,
        "Could not read schema from HTTP, response status is 500 Internal Server Error",
    ),
    (
        r#"{"properties":{"z":{"$ref":"S/words"}}}"#,
        "invalid character 'o' in literal null (expecting 'u')",
    ),
    (r#"{"properties":{"z":{"$ref":"S/cut"}}}"#, "unexpected EOF"),
    (r#"{"properties":{"z":{"$ref":"S/nothing"}}}"#, "EOF"),
    (
        r#"{"properties":{"z":{"$ref":"S/list"}}}"#,
        "valid schema must be of type object",
    ),
    (
        r#"{"properties":{"z":{"$ref":"http://127.0.0.1:1/x"}}}"#,
        "Get \"http://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: connect: connection refused",
    ),
    (
        r#"{"properties":{"z":{"$ref":"ftp://127.0.0.1/x"}}}"#,
        "Get \"ftp://127.0.0.1/x\": unsupported protocol scheme \"ftp\"",
    ),
    (
        r#"{"properties":{"z":{"$ref":"x.json"}}}"#,
        "Reference /x.json must be canonical",
    ),
    (
        r#"{"properties":{"z":{"$ref":"file:x.json"}}}"#,
        "Reference file:x.json must be canonical",
    ),
    (
        r#"{"properties":{"z":{"$ref":"%zz"}}}"#,
        "parse \"%zz\": invalid URL escape \"%zz\"",
    ),
    (
        r##"{"properties":{"z":{"$ref":"#/definitions/z"}}}"##,
        "Object has no key 'definitions'",
    ),
    (r##"{"properties":{"z":{"$ref":"#z"}}}"##, ""),
    (
        r#"{"properties":{"b":{"$ref":"F/int.json#/definitions/n"}}}"#,
        NO_INT,
    ),
    (r#"{"properties":{"b":{"$ref":"F/with%20blank.json"}}}"#, NO_INT),
    (
        r#"{"properties":{"z":{"$ref":"file:///nowhere/x.json"}}}"#,
        "open /nowhere/x.json: no such file or directory",
    ),
];

const NO_INT: &str = "- b: Invalid type. Expected: integer, given: string\n";

#[test]
fn references_are_followed() {
    let server = format!("http://{}", server());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("int.json"),
        r#"{"definitions": {"n": {"type": "integer"}}}"#,
    )
    .unwrap();
    let relative = r#"{"$ref": "int.json#/definitions/n"}"#;
    std::fs::write(folder.path().join("with blank.json"), relative).unwrap();
    let files = format!("file://{}", folder.path().display());
    let stage = Stage::new(
        "references_are_followed",
        &[
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/values.yaml", "a: 1\nb: x\n"),
        ],
    );
    for (schema, expected) in SCHEMAS {
        let schema = schema
            .replace("S/", &format!("{server}/"))
            .replace("F/", &format!("{files}/"));
        stage.put("c/values.schema.json", &schema);
        let said = stage.both(&["c"]);
        let expected = match *expected {
            "" => String::new(),
            why => format!(
                "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nc:\n{why}\n"
            ),
        };
        assert_eq!(said.stderr, expected, "{schema}");
    }
}

#[test]
fn values_come_from_a_server() {
    let server = format!("http://{}", server());
    let stage = Stage::new(
        "values_come_from_a_server",
        &[
            ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("c/templates/a.yaml", "a: {{ toJson .Values }}\n"),
        ],
    );
    let (good, none) = (format!("{server}/values.yaml"), format!("{server}/none"));
    let said = stage.both(&["c", "-f", &good, "--set-file", &format!("t={good}")]);
    assert!(said.stdout.contains(r#"a: {"b":2,"t":"b: 2\n"}"#), "{said:?}");
    let said = stage.both(&["c", "-f", &none]);
    assert_eq!(
        said.stderr,
        format!("Error: failed to fetch {none} : 404 Not Found\n")
    );
    stage.both(&["c", "--set-file", &format!("t={none}")]);
    stage.both(&["c", "-f", "http://127.0.0.1:1/x"]);
    stage.both(&["c", "-f", "%zz"]);
}
