//! Random TOML documents through `fromToml`: values, their types, and what is said of the wrong ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use differential::engines::Helm;
use differential::generate::{Dice, toml};
use differential::snippets::{Setting, Snippet, compare};
use differential::{Volume, report};

/// The documents may be anything but UTF-8, which values may not.
const TEMPLATE: &str = r#"{{ range .Values.s }}{{ $read := fromToml (b64dec .) }}{{ toJson $read }} {{ printf "%#v" $read }}
{{ end }}"#;

/// Documents of one template: a chart for each would take most of the time.
const TOGETHER: usize = 20;

fn snippet(volume: Volume, cases: &[u64]) -> Snippet {
    let documents: Vec<Vec<u8>> = cases
        .iter()
        .map(|case| toml::document(&mut Dice::new(volume.seed, *case)))
        .collect();
    let shown: Vec<String> = documents
        .iter()
        .map(|document| document.escape_ascii().to_string())
        .collect();
    let coded: Vec<String> = documents.iter().map(|text| STANDARD.encode(text)).collect();
    Snippet {
        name: format!(
            "DIFFERENTIAL_SEED={} DIFFERENTIAL_FIRST={} DIFFERENTIAL_CASES={}\n{}",
            volume.seed,
            cases[0],
            cases.len(),
            shown.join("\n")
        ),
        values: format!("{{s: {coded:?}}}"),
        template: TEMPLATE.to_owned(),
    }
}

#[test]
fn random_documents() {
    let Some(helm) = Helm::from_env("random TOML documents") else {
        return;
    };
    let volume = Volume::from_env_or(300);
    let setting = Setting {
        chart: "apiVersion: v2\nname: toml\nversion: 1.0.0\n".to_owned(),
        ..Setting::default()
    };
    let cases: Vec<u64> = (volume.first..volume.first + volume.cases).collect();
    let snippets: Vec<Snippet> = cases
        .chunks(TOGETHER)
        .map(|cases| snippet(volume, cases))
        .collect();
    let differences = compare(&helm, &setting, &snippets).unwrap();
    eprintln!("random TOML documents: {} compared with helm", cases.len());
    if !differences.is_empty() {
        panic!("{}", report::describe("toml", &differences).unwrap());
    }
}
