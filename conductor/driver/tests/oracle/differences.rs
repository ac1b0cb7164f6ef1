//! The rules behind `differences/values.json`: to which cases each difference applies, and what is expected instead.

use conductor_driver::{names, text};
use serde_json::{Value, json};

use crate::as_if::{
    as_if, as_if_bounded, as_if_not_beyond, as_if_not_scaled, as_if_with_default_worker, groups, is_beyond,
    template,
};
use crate::expect::Expected;
use crate::replay::Outcome;
use crate::view::{ID, View, all_usable, classes, creates, group_names, stem};

/// A difference on purpose.
pub struct Rule {
    /// Its name in the file.
    pub id: &'static str,
    applies: fn(&View<'_>, &Expected, &Outcome) -> bool,
    adjust: fn(&View<'_>, &mut Expected, &Outcome),
}

/// Applies the rules that fit, until nothing differs any more; returns their names.
pub fn adjust(view: &View<'_>, expected: &mut Expected, outcome: &Outcome) -> Vec<&'static str> {
    let mut applied = Vec::new();
    for rule in &RULES {
        if expected.compare(outcome, view.case).is_empty() {
            break;
        }
        if (rule.applies)(view, expected, outcome) {
            (rule.adjust)(view, expected, outcome);
            applied.push(rule.id);
        }
    }
    applied
}

fn message_of_flavor(expected: &Expected) -> Option<String> {
    let rest = expected.message().strip_prefix("Flavor ")?;
    Some(rest.split_once(" does not have enough RAM")?.0.to_owned())
}

fn refuse(expected: &mut Expected, class: &str, message: impl Into<String>) {
    expected.error = Some((class.to_owned(), message.into()));
    expected.module = "magnum.common.exception".into();
}

fn rewrite(expected: &mut Expected, from: &str, to: &str) {
    let change = |value: &Value| serde_json::from_str(&value.to_string().replace(from, to)).unwrap();
    expected.helm = expected.helm.as_ref().map(change);
    expected.k8s = expected.k8s.iter().map(change).collect();
}

const RULES: [Rule; 23] = [
    Rule {
        id: "cluster-without-name",
        applies: |view, expected, _| {
            creates(view)
                && view.cluster()["name"].as_str().is_none_or(str::is_empty)
                && expected.class() == "TypeError"
        },
        adjust: |view, expected, _| as_if(view, expected, |case| case["cluster"]["name"] = "cluster".into()),
    },
    Rule {
        id: "release-name-dash",
        applies: |view, _, _| creates(view) && stem(view).ends_with('-'),
        adjust: |_, expected, _| rewrite(expected, &format!("--{ID}"), &format!("-{ID}")),
    },
    Rule {
        id: "release-name-empty",
        applies: |view, _, _| creates(view) && stem(view).is_empty() && !view.cluster()["name"].is_null(),
        adjust: |_, expected, _| {
            rewrite(expected, &format!("\"-{ID}\""), &format!("\"cluster-{ID}\""));
            rewrite(expected, &format!("\"{ID}-"), &format!("\"cluster-{ID}-"));
        },
    },
    Rule {
        id: "checks-before-anything-is-made",
        applies: |view, expected, _| {
            let refused = ["magnum.", "openstack."]
                .iter()
                .any(|of| expected.module.starts_with(of))
                || expected.class() == "AttributeError";
            view.operation() == "create_cluster" && refused && !expected.k8s.is_empty()
        },
        adjust: |_, expected, _| expected.k8s.clear(),
    },
    Rule {
        id: "several-things-wrong",
        applies: |view, expected, outcome| {
            let nodegroup = matches!(view.operation(), "create_nodegroup" | "update_nodegroup");
            let looked_up = outcome.error.as_ref().is_some_and(|(class, _)| {
                [
                    "ImageNotFound",
                    "FixedNetworkNotFound",
                    "FixedSubnetNotFound",
                    "ExternalNetworkNotFound",
                ]
                .contains(&class.as_str())
            });
            nodegroup && expected.class() == "NodeGroupInvalidInput" && looked_up
        },
        adjust: |view, expected, outcome| as_if_not_scaled(view, expected, outcome),
    },
    Rule {
        id: "limits-of-others-do-not-hold-up-a-deletion",
        applies: |view, expected, _| {
            view.operation() == "delete_nodegroup" && expected.class() == "NodeGroupInvalidInput"
        },
        adjust: |view, expected, outcome| as_if_not_scaled(view, expected, outcome),
    },
    Rule {
        id: "minimum-not-set",
        applies: |view, expected, _| {
            let refused = expected.message().starts_with("Min node count must be greater");
            view.autoscaling() && refused && view.workers().iter().any(|group| view.is_unbounded(group))
        },
        adjust: |view, expected, _| as_if_bounded(view, expected, |group| view.is_unbounded(group)),
    },
    Rule {
        id: "no-default-worker",
        applies: |view, expected, _| {
            view.autoscaling() && expected.class() == "IndexError" && !view.volume_types().is_empty()
        },
        adjust: |view, expected, _| as_if_with_default_worker(view, expected),
    },
    Rule {
        id: "deleting-groups-stay-away",
        applies: |view, _, _| {
            view.workers()
                .iter()
                .any(|group| group["status"] == "DELETE_IN_PROGRESS")
        },
        adjust: |view, expected, outcome| {
            let workers = view.workers();
            if let Some(groups) = expected
                .helm
                .as_mut()
                .and_then(|helm| helm.pointer_mut("/values/nodeGroups")?.as_array_mut())
            {
                let mut stays = workers
                    .iter()
                    .map(|group| group["status"] != "DELETE_IN_PROGRESS");
                groups.retain(|_| stays.next().unwrap_or(true));
            }
            let of_groups =
                expected.class() == "NodeGroupInvalidInput" || expected.message().starts_with("Flavor ");
            let ours = outcome
                .error
                .as_ref()
                .map(|(class, message)| (class.as_str(), message.as_str()));
            if of_groups && ours != Some((expected.class(), expected.message())) {
                as_if(view, expected, |case| {
                    let target = case["operation_args"]["nodegroup"].clone();
                    groups(case).retain(|group| {
                        group["role"] == "master"
                            || group["status"] != "DELETE_IN_PROGRESS"
                            || group["name"] == target
                    });
                });
            }
        },
    },
    Rule {
        id: "node-group-names",
        applies: |view, expected, _| {
            let names: Vec<String> = view
                .workers()
                .iter()
                .map(|group| names::sanitized(group["name"].as_str().unwrap(), None).unwrap_or_default())
                .collect();
            expected.helm.is_some() && (!all_usable(&names) || names.iter().any(|name| name.len() < 3))
        },
        adjust: |_, expected, outcome| {
            let ours = group_names(outcome.helm.as_ref().unwrap());
            assert!(
                all_usable(&ours) && ours.iter().all(|name| name.len() >= 3),
                "{ours:?}"
            );
            let groups = expected
                .helm
                .as_mut()
                .unwrap()
                .pointer_mut("/values/nodeGroups")
                .unwrap();
            for (group, name) in groups.as_array_mut().unwrap().iter_mut().zip(ours) {
                let plain = group["name"].as_str().unwrap_or_default().to_owned();
                assert!(name == plain || name.starts_with(&plain));
                group["name"] = name.into();
            }
        },
    },
    Rule {
        id: "storage-class-names",
        applies: |view, expected, _| {
            let names: Vec<String> = view
                .volume_types()
                .iter()
                .map(|name| names::sanitized(name, None).unwrap_or_default())
                .collect();
            expected.helm.is_some() && !all_usable(&names)
        },
        adjust: |_, expected, outcome| {
            let mut ours = outcome.helm.clone().unwrap();
            let mut named: Vec<(String, String)> = Vec::new();
            for class in classes(&mut ours) {
                let part = |name: &str| class[name].as_str().unwrap_or_default().to_owned();
                named.push((part("volumeType"), part("name")));
            }
            let names: Vec<String> = named.iter().map(|(_, name)| name.clone()).collect();
            assert!(all_usable(&names), "{names:?}");
            for class in classes(expected.helm.as_mut().unwrap()) {
                let found = named.iter().find(|(kind, _)| class["volumeType"] == **kind);
                let Some((kind, name)) = found else { continue };
                // The type's own name, or that with a number behind it.
                let plain = match names::sanitized(kind, None).unwrap_or_default() {
                    plain if plain.is_empty() => "type".to_owned(),
                    plain => plain,
                };
                let number = name.strip_prefix(&format!("{plain}-"));
                let numbered = number.is_some_and(|number| u32::from_str_radix(number, 16).is_ok());
                if *name == plain && !kind.is_empty() || numbered {
                    class["name"] = name.clone().into();
                }
            }
        },
    },
    Rule {
        id: "chart-version",
        applies: |view, expected, _| {
            let version = expected
                .helm
                .as_ref()
                .filter(|helm| helm["action"] == "upgrade")
                .map(|helm| &helm["version"]);
            version.is_some_and(|version| version.as_str().unwrap_or_default() != view.chart_version())
        },
        adjust: |view, expected, _| {
            let version = Some(view.chart_version()).filter(|version| !version.is_empty());
            expected.helm.as_mut().unwrap()["version"] = json!(version);
        },
    },
    Rule {
        id: "kubernetes-version-whole",
        applies: |view, expected, _| {
            let whole = view
                .kube_version()
                .map(|raw| text::strip(raw).trim_start_matches('v').to_owned());
            expected
                .helm
                .as_ref()
                .is_some_and(|helm| helm["action"] == "upgrade")
                && whole.is_some_and(|whole| {
                    semver::Version::parse(&whole).is_ok_and(|v| !v.pre.is_empty() || !v.build.is_empty())
                })
        },
        adjust: |view, expected, _| {
            let whole = text::strip(view.kube_version().unwrap()).trim_start_matches('v');
            expected.helm.as_mut().unwrap()["values"]["kubernetesVersion"] = whole.into();
        },
    },
    Rule {
        id: "kubernetes-version-none",
        applies: |view, expected, _| {
            expected.helm.is_some()
                && view
                    .kube_version()
                    .is_some_and(|raw| !raw.bytes().any(|byte| byte.is_ascii_digit()))
        },
        adjust: |view, expected, outcome| {
            let said = outcome
                .error
                .as_ref()
                .map(|(_, message)| message.clone())
                .unwrap_or_default();
            assert!(
                said.contains("is not a Kubernetes version") && said.contains(view.kube_version().unwrap())
            );
            expected.helm = None;
            expected.k8s.clear();
            refuse(expected, "MagnumException", said);
        },
    },
    Rule {
        id: "flavor-missing",
        applies: |view, expected, _| {
            message_of_flavor(expected).is_some_and(|flavor| flavor == "None" || !view.has_flavor(&flavor))
        },
        adjust: |view, expected, _| match message_of_flavor(expected).unwrap().as_str() {
            "None" => {
                let master = view.cluster()["master_flavor_id"].is_null();
                let worker = view
                    .workers()
                    .into_iter()
                    .find(|group| group["flavor_id"].is_null());
                let group = if master {
                    "default-master"
                } else {
                    worker.unwrap()["name"].as_str().unwrap()
                };
                refuse(
                    expected,
                    "MagnumException",
                    format!("No flavor is set for node group {group}."),
                );
            }
            flavor => refuse(
                expected,
                "FlavorNotFound",
                format!("Unable to find flavor {flavor}."),
            ),
        },
    },
    Rule {
        id: "flavor-by-name-first",
        applies: |view, expected, _| {
            let flavor = expected
                .message()
                .strip_prefix("Flavor ")
                .and_then(|rest| rest.split(' ').next());
            let flavors = view.case["openstack"]["flavors"].as_array().into_iter().flatten();
            let shadowed = flavors
                .into_iter()
                .any(|item| flavor.is_some_and(|f| item["id"] == f && item["name"] != f));
            flavor.is_some_and(|flavor| view.has_flavor(flavor)) && shadowed
        },
        adjust: |view, expected, _| {
            let rest = expected.message().strip_prefix("Flavor ").unwrap_or_default();
            let flavor = rest.split(' ').next().unwrap_or_default().to_owned();
            as_if(view, expected, |case| {
                let flavors = case["openstack"]["flavors"].as_array_mut().unwrap();
                flavors.retain(|item| item["id"] != *flavor || item["name"] == *flavor);
            });
        },
    },
    Rule {
        id: "image-errors-are-sentences",
        applies: |view, expected, _| {
            let image = &view.template()["image_id"];
            match expected.class() {
                "AttributeError" => expected.message().contains("no attribute 'id'"),
                "InvalidRequest" => image.is_null(),
                "DuplicateResource" => true,
                _ => false,
            }
        },
        adjust: |view, expected, _| {
            let template = view.template()["name"].as_str().unwrap();
            match (expected.class(), view.template()["image_id"].as_str()) {
                ("DuplicateResource", _) => {
                    let message = expected.message().to_owned();
                    refuse(expected, "Conflict", message);
                }
                (_, None | Some("")) => {
                    refuse(
                        expected,
                        "MagnumException",
                        format!("Cluster template {template} does not name an image."),
                    );
                }
                (_, Some(image)) => refuse(
                    expected,
                    "ImageNotFound",
                    format!("Image {image} could not be found."),
                ),
            }
        },
    },
    Rule {
        id: "name-servers",
        applies: |_, expected, _| {
            expected.message().starts_with("Invalid value: ") && expected.class() == "ValueError"
        },
        adjust: |view, expected, outcome| {
            let field = view.template()["dns_nameserver"].as_str().unwrap();
            let servers: Vec<&str> = field
                .split([',', ' ', '\t', '\n', '\r'])
                .filter(|server| !server.is_empty())
                .collect();
            let plain = |server: &&str| server.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if servers.iter().all(plain) {
                as_if(view, expected, |case| {
                    template(case)["dns_nameserver"] = servers.join(",").into();
                });
            } else {
                let (_, said) = outcome.error.clone().unwrap_or_default();
                assert!(said.contains("dns_nameserver") && said.contains(field), "{said}");
                refuse(expected, "InvalidParameterValue", said);
            }
        },
    },
    Rule {
        id: "no-volume-types",
        applies: |view, expected, _| expected.class() == "IndexError" && view.volume_types().is_empty(),
        adjust: |_, expected, _| {
            let text = "Cinder offers this project no volume type, so no storage class can be made.";
            refuse(expected, "MagnumException", text);
        },
    },
    Rule {
        id: "template-without-labels",
        applies: |view, expected, _| {
            view.template()["labels"].is_null() && expected.class() == "AttributeError"
        },
        adjust: |view, expected, _| as_if(view, expected, |case| template(case)["labels"] = json!({})),
    },
    Rule {
        id: "cluster-without-user",
        applies: |view, expected, _| view.cluster()["user_id"].is_null() && expected.class() == "TypeError",
        adjust: |view, expected, outcome| {
            let label = &outcome.k8s[1]["metadata"]["labels"]["magnum.openstack.org/user-id"];
            assert_eq!(label, "");
            as_if(view, expected, |case| case["cluster"]["user_id"] = "".into());
        },
    },
    Rule {
        id: "cluster-without-release",
        applies: |view, _, _| {
            view.cluster()["stack_id"].is_null() && !creates(view) && view.operation() != "delete_cluster"
        },
        adjust: |view, expected, _| {
            expected.k8s.clear();
            if expected.class() == "AssertionError" {
                let uuid = view.cluster()["uuid"].as_str().unwrap();
                let text = format!("Cluster {uuid} has no stack_id, so nothing of it was ever created.");
                refuse(expected, "MagnumException", text);
            }
        },
    },
    Rule {
        id: "numbers-beyond-64-bits",
        applies: |view, expected, _| {
            let labels = [&view.template()["labels"], &view.cluster()["labels"]];
            let mut all = labels.into_iter().filter_map(Value::as_object).flatten();
            expected.helm.is_some()
                && all.any(|(label, text)| text.as_str().is_some_and(|text| is_beyond(label, text)))
        },
        adjust: |view, expected, _| as_if_not_beyond(view, expected),
    },
];

/// Operations that never come to a driver.
pub const NEVER_ASKED: &str = "never-asked";

/// Failures of what is around this crate.
pub const AROUND: &str = "failures-around-the-driver";

/// Names of all rules.
pub fn ids() -> Vec<&'static str> {
    RULES
        .iter()
        .map(|rule| rule.id)
        .chain([NEVER_ASKED, AROUND])
        .collect()
}
