//! Random TOML documents through `fromToml`: values, their types, and what is said of the wrong ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use differential::engines::Helm;
use differential::generate::{Dice, toml};
use differential::snippets::{Setting, Snippet, compare};
use differential::{Volume, report};

/// The documents may be anything but UTF-8, which values may not.
const TEMPLATE: &str =
    r#"{{ $read := fromToml (b64dec .Values.s) }}{{ toJson $read }} {{ printf "%#v" $read }}"#;

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
    let snippets: Vec<Snippet> = (volume.first..volume.first + volume.cases)
        .map(|case| {
            let document = toml::document(&mut Dice::new(volume.seed, case));
            Snippet {
                name: format!(
                    "DIFFERENTIAL_SEED={} DIFFERENTIAL_FIRST={case} DIFFERENTIAL_CASES=1: {}",
                    volume.seed,
                    document.escape_ascii()
                ),
                values: format!("{{s: \"{}\"}}", STANDARD.encode(document)),
                template: TEMPLATE.to_owned(),
            }
        })
        .collect();
    let differences = compare(&helm, &setting, &snippets).unwrap();
    eprintln!("random TOML documents: {} compared with helm", snippets.len());
    if !differences.is_empty() {
        panic!("{}", report::describe("toml", &differences).unwrap());
    }
}
