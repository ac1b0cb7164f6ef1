//! Helm: templates, YAML, chart archives, release records.

use std::io::Write;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use helm::{Chart, Release};
use helm_template::{Capabilities, KubeVersion, Limits, NoLookup, ReleaseInfo, RenderChart, yaml};
use serde_json::{Value, json};

/// Any text is parsed as a template or refused.
pub fn template_parser(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = helm_template::check("fuzz", text);
    }
}

/// Any text is rendered as a template within the limits, or refused.
pub fn template_render(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Making keys is slow by nature, and what the clock says is no finding.
    if ["gen", "derivePassword", "bcrypt", "htpasswd"]
        .iter()
        .any(|slow| text.contains(slow))
    {
        return;
    }
    let chart = RenderChart {
        name: "c".to_owned(),
        path: "c".to_owned(),
        metadata: json!({"name": "c", "version": "1.0.0"}),
        templates: vec![("templates/t.yaml".to_owned(), data.into())],
        ..RenderChart::default()
    };
    let values = json!({"a": 1.0, "b": "text", "c": [1.0, "x", null], "d": {"e": true, "f": {}}, "n": null});
    let release = ReleaseInfo {
        name: "r".to_owned(),
        namespace: "n".to_owned(),
        is_install: true,
        is_upgrade: false,
        revision: 1,
        service: "Helm".to_owned(),
    };
    let capabilities = Capabilities {
        kube_version: KubeVersion {
            version: "v1.30.4".to_owned(),
            major: "1".to_owned(),
            minor: "30".to_owned(),
        },
        api_versions: vec!["v1".to_owned()],
        helm_version: "v3.17.3".to_owned(),
    };
    let limits = Limits {
        depth: 200,
        output_bytes: 1 << 20,
        time: Duration::from_secs(2),
    };
    let _ = helm_template::render(&chart, &values, &release, &capabilities, &NoLookup, &limits);
}

/// Any text is read as YAML or refused; what was read is printed in a form that reads the same.
pub fn yaml_reader(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(read) = yaml::from_yaml(text) else { return };
    let printed = yaml::to_yaml(&read);
    if any_text(&read, &|text| text.contains(is_refused)) {
        assert_eq!(printed, "");
        return;
    }
    // What sigs.k8s.io/yaml itself does not bring back: the line break U+0085, which is folded on its way
    // through JSON, and a key `<<`, which is printed plain.
    if any_text(&read, &|text| text.contains('\u{85}') || text == "<<") {
        return;
    }
    let again = yaml::from_yaml(&printed);
    assert_eq!(again.map(floats), Ok(floats(read)), "printed as {printed:?}");
}

/// Characters that may be written as escapes only, and that go-yaml refuses on their way through JSON, which
/// does not escape them: then nothing is printed.
fn is_refused(c: char) -> bool {
    c != '\u{85}' && matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a key or string in `value` is so.
fn any_text(value: &Value, is_so: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_so(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_so)),
        Value::Object(table) => table
            .iter()
            .any(|(key, value)| is_so(key) || any_text(value, is_so)),
        _ => false,
    }
}

/// YAML prints the float 2 and the integer 2 alike.
fn floats(mut value: Value) -> Value {
    helm::values::numbers_as_floats(&mut value);
    value
}

/// Any bytes are an archive or refused. The first byte chooses: the archive itself, a tar to be compressed,
/// or names and contents to be put into a well-formed tar.
pub fn archive_reader(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    let archive = match kind % 3 {
        0 => rest.to_vec(),
        1 => compressed(rest),
        _ => compressed(&well_formed(rest)),
    };
    let _ = Chart::from_archive(&archive);
}

fn compressed(data: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = gz.write_all(data);
    written.and_then(|()| gz.finish()).unwrap_or_default()
}

/// A tar of files: name and content end at a zero byte each.
fn well_formed(data: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut parts = data.split(|byte| *byte == 0);
    while let (Some(name), Some(content)) = (parts.next(), parts.next()) {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the builder refuses the very names that are to be tried.
        if let Some(gnu) = header.as_gnu_mut() {
            let length = name.len().min(gnu.name.len());
            gnu.name[..length].copy_from_slice(&name[..length]);
        }
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let _ = tar.append(&header, content);
    }
    tar.into_inner().unwrap_or_default()
}

/// Any bytes are a release record or refused; one that was read is stored in a form that reads the same.
/// The first byte chooses: the Secret's data itself, JSON to be packed, or JSON that was never compressed.
pub fn record_decoder(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    let packed = match kind % 3 {
        0 => rest.to_vec(),
        1 => STANDARD.encode(compressed(rest)).into_bytes(),
        _ => STANDARD.encode(rest).into_bytes(),
    };
    let secret: Value = json!({"data": {"release": STANDARD.encode(packed)}});
    let Ok(release) = Release::from_secret(&secret) else {
        return;
    };
    let _ = (release.last_deployed(), release.chart_version(), release.chart());
    let stored = release.to_secret().map(|secret| Release::from_secret(&secret));
    let again = stored.and_then(|again| again).map(|again| json!(again));
    assert_eq!(again.ok(), Some(json!(release)));
}
