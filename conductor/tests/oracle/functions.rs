//! Tables of the Python driver's pure functions: for every recorded argument the same result, but for what is said here.

use conductor_driver::facts::{self, Image};
use conductor_driver::labels::{LabelMap, Labels};
use conductor_driver::secrets::{self, CloudAccess};
use conductor_driver::{chart, merge, names, text, values};
use magnum_objects::MagnumError;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use oracle::{Suite, Verdict};

use crate::kubernetes;

/// Tables with rows that differ on purpose, in the order of the file of differences.
const TABLES: [&str; 11] = [
    "app_cred_id",
    "chart_version",
    "cluster_namespace",
    "dns_nameservers",
    "k8s_paths",
    "kube_version",
    "kubeconfig",
    "label_int",
    "python_list_repr",
    "release_name",
    "short_id",
];

/// `Err` is the text of a refusal.
pub type Answer = Result<Value, String>;

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn labels(key: &str, value: &Value) -> Labels {
    let map: LabelMap = [(key.to_owned(), string(value).to_owned())].into_iter().collect();
    Labels::new(None, Some(&map))
}

fn image(kube_version: &Value, os_distro: &Value) -> Image {
    let part = |value: &Value| value.as_str().map(str::to_owned);
    Image {
        id: "IMG".into(),
        name: None,
        kube_version: part(kube_version),
        os_distro: part(os_distro),
    }
}

fn refusal<T: Into<Value>>(result: Result<T, conductor_driver::DriverError>) -> Answer {
    result
        .map(Into::into)
        .map_err(|error| MagnumError::from(error).message)
}

/// Our answer; `None` if nobody here knows the table.
fn answer(table: &str, input: &Value) -> Option<Answer> {
    Some(match table {
        "chart_version" => Ok(chart::version(Some(string(input)), "").into()),
        "clouds_yaml" => clouds_yaml(input),
        "cluster_namespace" => Ok(names::namespace("magnum", string(input)).into()),
        "app_cred_id" => Ok(json!(
            secrets::application_credential(string(input)).map(|found| found.id)
        )),
        "cni_type" => Ok(input
            .as_str()
            .filter(|driver| !driver.is_empty())
            .map(values::cni_type)
            .into()),
        "dns_nameservers" => refusal(values::dns_nameservers(input.as_str()).map(|servers| json!(servers))),
        "is_uuid_like" => Ok(input.as_str().is_some_and(text::is_uuid_like).into()),
        "kube_version" => refusal(facts::kube_version(&image(input, &Value::Null))),
        "k8s_paths" => kubernetes::path(string(&input[0]), input[1].as_str(), input[2].as_str()),
        "kubeconfig" => kubernetes::connection(input),
        "label_bool_default_false" => Ok(labels("l", input).bool("l", false).into()),
        "label_bool_default_true" => Ok(labels("l", input).bool("l", true).into()),
        "label_csv" => Ok(labels("l", input).csv("l", "").into()),
        "label_default" => {
            let some = labels("other", &json!("x"));
            let labels = if input[1] == true { some } else { Labels::default() };
            Ok(labels.text("l", string(&input[0])).into())
        }
        "label_filter" => Ok(labels("l", input).text("l", "").into()),
        "label_int" => Ok(labels("l", input).int("l", -77).into()),
        "mergeconcat" => Ok(merge::mergeconcat(input[0].clone(), input[1].clone())),
        "os_distro" => refusal(facts::os_distro(&image(&Value::Null, input))),
        "python_list_repr" => Ok(list_repr(input).into()),
        "release_name" => Ok(release_names(string(input))),
        "sanitized_name" => Ok(names::sanitized(string(input), None).into()),
        "sanitized_name_suffix" => Ok(names::sanitized(string(&input[0]), input[1].as_str()).into()),
        "short_id" => names::short_id(string(input))
            .map(Value::from)
            .ok_or_else(String::new),
        _ => return None,
    })
}

fn list_repr(names: &Value) -> String {
    let names = names.as_array().unwrap().iter();
    // What is no text is read as not there.
    let repr = |name: &Value| match name.as_str() {
        Some(name) => magnum_objects::exception::python_repr(name),
        None => "None".to_owned(),
    };
    let names: Vec<String> = names.map(repr).collect();
    if names.is_empty() {
        "Ready".to_owned()
    } else {
        format!("Waiting on [{}]", names.join(", "))
    }
}

fn release_names(name: &str) -> Value {
    let release = names::release_name(Some(name), "k3v5q7x2m4np");
    let resource = |suffix: &str| names::resource(Some(&release), suffix);
    json!({
        "stack_id": release,
        "control_plane": names::control_plane(Some(&release)),
        "ca_secret": resource("ca"),
        "appcred_secret": names::cloud_credentials_secret(Some(&release)),
        "monitor_name": names::sanitized(&release, None),
    })
}

/// The text's meaning, which is all that counts.
fn clouds_yaml(input: &Value) -> Answer {
    let cloud = &input["clouds"]["openstack"];
    let part = |name: &str| string(&cloud["auth"][name]).to_owned();
    let mut settings = conductor_config::Settings::default();
    settings.capi_helm.app_cred_interface_type = string(&cloud["interface"]).to_owned();
    settings.drivers.verify_ca = cloud["verify"].as_bool().unwrap();
    let access = CloudAccess {
        credential_id: part("application_credential_id"),
        credential_secret: part("application_credential_secret").into(),
        auth_url: part("auth_url"),
        region: string(&cloud["region_name"]).to_owned(),
        ca_bundle: String::new(),
    };
    Ok(serde_yaml::from_str(secrets::clouds_yaml(&settings, &access).expose_secret()).unwrap())
}

/// A recorded answer in the shape of ours.
fn recorded(table: &str, row: &Value) -> Value {
    match table {
        "kubeconfig" => kubernetes::recorded(&row["out"]),
        // Python reads its text as what it was made of; other readers take some of it for numbers.
        "clouds_yaml" => row["in"].clone(),
        _ => row["out"].clone(),
    }
}

/// Whether a row differs on purpose, and if so whether our answer is what it should be.
fn on_purpose(table: &str, input: &Value, row: &Value, ours: &Answer) -> bool {
    let raw = string(input);
    match table {
        // Capital letters belong to a version.
        "chart_version" => {
            raw.bytes().any(|byte| byte.is_ascii_uppercase()) && ours == &Ok(text::keep(raw, ".-+").into())
        }
        // Whatever else is in a secret, there is no credential in it; an id is always text.
        "app_cred_id" => match ours {
            Ok(Value::Null) => row["error"].is_object() || row["out"].is_null(),
            Ok(Value::String(id)) => !row["out"].is_string() && raw.contains(id.as_str()),
            _ => false,
        },
        // A project always has an id; none would be an empty one.
        "cluster_namespace" => input.is_null() && ours == &Ok("magnum-".into()),
        "dns_nameservers" => row["error"].is_object() && ours_of_name_servers(raw, ours),
        // A name that leads elsewhere is not asked for.
        "k8s_paths" => ours.is_err() && input[1].as_str().is_some_and(|name| name.contains(['/', ' '])),
        "kubeconfig" => ours_of_kubeconfig(input, row, ours),
        // Pre-release and build are kept; a version without a digit is refused.
        "kube_version" => match ours {
            Ok(version) => {
                let whole = text::strip(raw).trim_start_matches('v');
                version == whole
                    && semver::Version::parse(whole).is_ok_and(|v| !v.pre.is_empty() || !v.build.is_empty())
            }
            Err(text) => {
                text.contains("is not a Kubernetes version") && !raw.bytes().any(|byte| byte.is_ascii_digit())
            }
        },
        // Refused either way.
        "short_id" => row["error"].is_object() && ours.is_err(),
        "python_list_repr" => {
            let texts = |name: &Value| {
                if name.is_string() {
                    name.clone()
                } else {
                    Value::Null
                }
            };
            let texts: Vec<Value> = input.as_array().unwrap().iter().map(texts).collect();
            json!(texts) != *input && ours == &Ok(list_repr(&json!(texts)).into())
        }
        // Beyond 64 bits.
        "label_int" => {
            let digits = raw.trim_start_matches('-');
            ours == &Ok(json!(-77))
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && raw.parse::<i64>().is_err()
        }
        "release_name" => ours == &Ok(renamed(raw, &row["out"])),
        _ => false,
    }
}

/// Stray commas and white space are forgiven; what is left unusable is refused with the field's name.
fn ours_of_name_servers(raw: &str, ours: &Answer) -> bool {
    let servers: Vec<&str> = raw
        .split([',', ' ', '\t', '\n', '\r'])
        .filter(|server| !server.is_empty())
        .collect();
    let plain = |server: &&str| server.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    match ours {
        Ok(Value::Null) => servers.is_empty(),
        Ok(list) => servers.iter().all(plain) && *list == json!(servers),
        Err(text) => !servers.iter().all(plain) && text.contains("dns_nameserver") && text.contains(raw),
    }
}

/// All ways to log in but programs; nothing is verified where the file says so.
fn ours_of_kubeconfig(input: &Value, row: &Value, ours: &Answer) -> bool {
    let user = &input["users"][0]["user"];
    let Ok(ours) = ours else {
        // Both refuse, or the authority's certificate is none.
        return row["error"].is_object();
    };
    let Value::Object(theirs) = recorded("kubeconfig", row) else {
        // A way to log in that Python does not know, or none.
        return user["exec"].is_null() && row["error"]["module"] == "builtins";
    };
    let skips = input["clusters"][0]["cluster"]["insecure-skip-tls-verify"] == true;
    let both = user["token"].is_string() && user["client-key-data"].is_string();
    theirs.iter().all(|(key, theirs)| match key.as_str() {
        "verify" if skips => ours[key] == false,
        // Certificate and token: both are shown.
        "authorization" if both => ours[key] == format!("Bearer {}", string(&user["token"])),
        _ => ours[key] == *theirs,
    })
}

/// Python's names with one dash where the name was cut, a stem where nothing was left.
fn renamed(name: &str, theirs: &Value) -> Value {
    let id = "k3v5q7x2m4np";
    let release = string(&theirs["stack_id"]);
    if let Some(stem) = release.strip_suffix(&format!("--{id}")) {
        let mut names = theirs.clone();
        names["stack_id"] = format!("{stem}-{id}").into();
        return names;
    }
    if !name.is_empty() && release != format!("-{id}") {
        return theirs.clone();
    }
    let named = |end: &str| format!("cluster-{id}{end}");
    json!({"stack_id": named(""), "control_plane": named("-control-plane"), "ca_secret": named("-ca"),
        "appcred_secret": named("-cloud-credentials"), "monitor_name": named("")})
}

#[test]
fn functions_give_what_pythons_do() {
    let mut suite = Suite::new("functions", TABLES.to_vec());
    for table in oracle::records("functions") {
        let name = table["name"].as_str().unwrap();
        if !suite.wants(name) {
            continue;
        }
        for row in table["rows"].as_array().unwrap() {
            let theirs = match row["error"]["message"].as_str() {
                Some(message) => Err(message.to_owned()),
                None => Ok(recorded(name, row)),
            };
            let verdict = match answer(name, &row["in"]) {
                Some(ours) if ours == theirs => Verdict::Equal,
                None => Verdict::Wrong("nobody asked".to_owned()),
                Some(ours) => match TABLES.iter().find(|table| **table == name) {
                    Some(table) if on_purpose(name, &row["in"], row, &ours) => Verdict::Differs(vec![table]),
                    _ => Verdict::Wrong(format!("({}): {ours:?} instead of {theirs:?}", row["in"])),
                },
            };
            suite.count(name, verdict);
        }
    }
    suite.end();
}
