//! The remotable methods against what Magnum 23.0 answered: rows in, message, reply and rows out.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::collections::BTreeMap;

use magnum_objects::{RequestContext, indirection, rows};
use serde_json::{Value, json};
use test_database::{SCHEMA_18, SCHEMA_23, Snapshot, TABLES, TestDb, difference};

#[tokio::test]
async fn every_recorded_call_gets_the_recorded_answer() {
    let Some(test) = TestDb::new("recorded", SCHEMA_23).await else {
        return;
    };
    let recorded: Value = serde_json::from_str(include_str!("data/indirection.json")).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    let mut wrong = Vec::new();
    for case in cases {
        if let Err(difference) = check(&test, &recorded, case).await {
            wrong.push(format!("{}: {difference}", case["name"]));
        }
    }
    test.drop_database().await;
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

async fn check(test: &TestDb, recorded: &Value, case: &Value) -> Result<(), String> {
    test.empty().await;
    let before = load(test, recorded, case).await;
    let context = &recorded["contexts"][case["context"].as_u64().unwrap() as usize];
    let context = RequestContext::from_map(context.as_object().unwrap());
    let args = case["args"].as_object().unwrap();
    let reply = indirection::dispatch(&test.db, &context, case["method"].as_str().unwrap(), args).await;

    let expected = &case["expect"];
    let mut names = Placeholders::default();
    match (reply, expected.get("failure")) {
        (Err(error), Some(failure)) => {
            let ours = json!({"class": error.class, "module": error.module, "message": error.message,
                "args": error.args, "kwargs": error.kwargs});
            names.same(&ours, failure, "failure")?;
        }
        (Ok(result), None) => names.same(&oracle::sorted(result), &expected["result"], "result")?,
        (ours, _) => return Err(format!("{ours:?}\n   instead of {expected}")),
    }
    let after = test.snapshot().await;
    names.same(
        &difference(&before, &after),
        expected.get("db").unwrap_or(&json!({})),
        "db",
    )
}

/// Inserts a case's rows, all made at the same time; the next row gets the next id.
async fn load(test: &TestDb, recorded: &Value, case: &Value) -> Snapshot {
    let creates = case["args"]["objmethod"] == "create";
    for (table, class) in TABLES {
        let mut next_id = 1;
        let rows = case["rows"][table]
            .as_u64()
            .map(|set| &recorded["row_sets"][table][set as usize]);
        let mut conn = test.db.acquire().await.unwrap();
        for row in rows.and_then(Value::as_array).into_iter().flatten() {
            let mut row = row.as_object().unwrap().clone();
            row.insert("created_at".into(), "2024-01-02T03:04:05Z".into());
            next_id = next_id.max(row["id"].as_u64().unwrap() + 1);
            rows::insert_values(&mut conn, test.db.schema(), class, &row)
                .await
                .unwrap();
        }
        drop(conn);
        if creates {
            test.execute(&format!("ALTER TABLE `{table}` AUTO_INCREMENT = {next_id}"))
                .await;
        }
    }
    test.snapshot().await
}

/// What a placeholder of the recording stands for in our answer.
#[derive(Default)]
struct Placeholders(BTreeMap<String, Value>);

impl Placeholders {
    fn same(&mut self, ours: &Value, theirs: &Value, place: &str) -> Result<(), String> {
        match (ours, theirs) {
            (Value::Object(ours), Value::Object(theirs)) => {
                let keys: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for key in keys {
                    let absent = Value::from("<absent>");
                    let (ours, theirs) = (
                        ours.get(key).unwrap_or(&absent),
                        theirs.get(key).unwrap_or(&absent),
                    );
                    self.same(ours, theirs, &format!("{place}.{key}"))?;
                }
                Ok(())
            }
            (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
                for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    self.same(ours, theirs, &format!("{place}[{index}]"))?;
                }
                Ok(())
            }
            (Value::String(ours), Value::String(theirs)) if theirs == "<TS>" => {
                let fresh = ours.ends_with('Z') && !ours.starts_with("2024-01-02T03:04:05");
                fresh
                    .then_some(())
                    .ok_or_else(|| format!("{place}: {ours} is no new timestamp"))
            }
            (ours, Value::String(theirs)) if theirs.starts_with("<UUID-") => {
                let stands_for = self.0.entry(theirs.clone()).or_insert_with(|| ours.clone());
                let is_uuid = ours.as_str().is_some_and(|text| text.len() == 36);
                (is_uuid && stands_for == ours)
                    .then_some(())
                    .ok_or_else(|| format!("{place}: {ours} for {theirs}"))
            }
            (ours, theirs) if ours == theirs => Ok(()),
            (ours, theirs) => Err(format!("{place}: {ours} instead of {theirs}")),
        }
    }
}

/// Calls a method as an administrator of all projects.
async fn call(test: &TestDb, args: Value) -> Result<Value, String> {
    let method = if args["objinst"].is_null() {
        "object_class_action_versions"
    } else {
        "object_action"
    };
    let mut args = args.as_object().unwrap().clone();
    args.entry("args").or_insert_with(|| json!([]));
    args.entry("kwargs").or_insert_with(|| json!({}));
    if method == "object_class_action_versions" {
        let versions = json!({"Cluster": "1.23", "ClusterTemplate": "1.21", "NodeGroup": "1.1", "Quota": "1.0",
            "MagnumService": "1.0", "Federation": "1.0", "X509KeyPair": "1.2", "Stats": "1.0"});
        args.insert("object_versions".into(), versions);
    }
    let context = RequestContext::admin(true);
    let reply = indirection::dispatch(&test.db, &context, method, &args).await;
    reply.map_err(|error| format!("{}: {error}", error.class))
}

fn object(class: &str, version: &str, data: Value) -> Value {
    let changes: Vec<String> = data.as_object().unwrap().keys().cloned().collect();
    json!({"magnum_object.name": class, "magnum_object.namespace": "magnum", "magnum_object.version": version,
        "magnum_object.data": data, "magnum_object.changes": changes})
}

#[tokio::test]
async fn quotas_services_and_federations_are_stored() {
    let Some(test) = TestDb::new("other_classes", SCHEMA_23).await else {
        return;
    };
    let quota = object(
        "Quota",
        "1.0",
        json!({"project_id": "p", "resource": "Cluster", "hard_limit": "3"}),
    );
    call(&test, json!({"objinst": quota, "objmethod": "create"}))
        .await
        .unwrap();
    let update = json!(["p", {"resource": "Cluster", "hard_limit": 9, "unknown": 1}]);
    call(
        &test,
        json!({"objname": "Quota", "objmethod": "update_quota", "args": update}),
    )
    .await
    .unwrap();
    assert_eq!(test.rows("Quota").await[0]["hard_limit"], 9);
    call(&test, json!({"objinst": quota, "objmethod": "delete"}))
        .await
        .unwrap();
    assert!(test.rows("Quota").await.is_empty());
    let gone = call(&test, json!({"objinst": quota, "objmethod": "delete"}))
        .await
        .unwrap_err();
    assert_eq!(
        gone,
        "QuotaNotFound: Quota could not be found: project_id p resource Cluster."
    );

    let service = object(
        "MagnumService",
        "1.0",
        json!({"host": "h", "binary": "magnum-conductor"}),
    );
    let first = call(&test, json!({"objinst": service, "objmethod": "create"}))
        .await
        .unwrap();
    assert_eq!(
        (&first[0]["report_count"], &first[0]["disabled"]),
        (&json!(0), &json!(false))
    );
    let again = call(&test, json!({"objinst": service, "objmethod": "create"}))
        .await
        .unwrap();
    assert_eq!(again[0]["id"], first[0]["id"]);
    let known = object(
        "MagnumService",
        "1.0",
        json!({"id": first[0]["id"], "report_count": 0}),
    );
    let beat = call(&test, json!({"objinst": known, "objmethod": "report_state_up"}))
        .await
        .unwrap();
    assert_eq!(beat, json!([{"report_count": 1, "obj_what_changed": []}, null]));
    assert!(!test.rows("MagnumService").await[0]["last_seen_up"].is_null());

    let federation = object(
        "Federation",
        "1.0",
        json!({"name": "f", "member_ids": ["a", "b"], "status": null}),
    );
    let made = call(&test, json!({"objinst": federation, "objmethod": "create"}))
        .await
        .unwrap();
    let by_uuid = json!({"objname": "Federation", "objmethod": "get", "args": [made[0]["uuid"]]});
    assert_eq!(
        call(&test, by_uuid).await.unwrap()["magnum_object.data"]["member_ids"],
        json!(["a", "b"])
    );
    let broken = call(
        &test,
        json!({"objname": "Federation", "objmethod": "get_count_all"}),
    )
    .await
    .unwrap_err();
    assert_eq!(
        broken,
        "AttributeError: 'Connection' object has no attribute 'get_federation_count_all'"
    );
    test.drop_database().await;
}

#[tokio::test]
async fn pages_follow_a_marker_in_both_directions() {
    let Some(test) = TestDb::new("pages", SCHEMA_23).await else {
        return;
    };
    let mut conn = test.db.acquire().await.unwrap();
    for (id, name, timeout) in [
        (1, "b", json!(5)),
        (2, "a", json!(null)),
        (3, "b", json!(7)),
        (4, "c", json!(5)),
    ] {
        let row = json!({"id": id, "uuid": format!("c100000{id}-0000-4000-8000-000000000000"), "name": name,
            "create_timeout": timeout});
        rows::insert_values(&mut conn, test.db.schema(), "Cluster", row.as_object().unwrap())
            .await
            .unwrap();
    }
    drop(conn);
    for (kwargs, ids) in [
        (json!({}), vec![1, 2, 3, 4]),
        (json!({"sort_key": "name"}), vec![2, 1, 3, 4]),
        (
            json!({"sort_key": "name", "sort_dir": "desc", "limit": 2}),
            vec![4, 3],
        ),
        (json!({"sort_key": "name", "marker": 1}), vec![3, 4]),
        (
            json!({"sort_key": "name", "sort_dir": "desc", "marker": 3}),
            vec![1, 2],
        ),
        (
            json!({"sort_key": "create_timeout", "sort_dir": "asc-nullslast", "marker": 3}),
            vec![2],
        ),
        (
            json!({"sort_key": "create_timeout", "sort_dir": "desc-nullsfirst"}),
            vec![2, 3, 4, 1],
        ),
        (json!({"limit": 0}), vec![]),
        (json!({"filters": {"name": "b", "nonsense": 1}}), vec![1, 3]),
        (json!({"filters": {"create_timeout": 5}}), vec![1, 2, 3, 4]),
        (json!({"filters": {"status": []}}), vec![]),
        (json!({"filters": {"stack_id": null}}), vec![1, 2, 3, 4]),
    ] {
        let mut asked = kwargs.clone();
        if let Some(marker) = kwargs["marker"].as_u64() {
            let get = json!({"objname": "Cluster", "objmethod": "get", "args": [marker]});
            asked["marker"] = call(&test, get).await.unwrap();
        }
        let list = json!({"objname": "Cluster", "objmethod": "list", "kwargs": asked});
        let found = call(&test, list).await.unwrap();
        let found: Vec<i64> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["magnum_object.data"]["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, ids, "{kwargs}");
    }
    let list = |kwargs: Value| json!({"objname": "Cluster", "objmethod": "list", "kwargs": kwargs});
    let wrong = call(&test, list(json!({"sort_dir": "up"}))).await.unwrap_err();
    assert!(wrong.starts_with("ValueError: Unknown sort direction"), "{wrong}");
    let wrong = call(&test, list(json!({"filters": {"node_addresses": []}})))
        .await
        .unwrap_err();
    assert!(wrong.starts_with("InvalidRequestError"), "{wrong}");
    test.drop_database().await;
}

#[tokio::test]
async fn on_the_schema_of_18_objects_are_those_of_18() {
    let Some(test) = TestDb::new("release_18", SCHEMA_18).await else {
        return;
    };
    let given = json!({"uuid": "c1000000-0000-4000-8000-000000000001", "name": "heat", "trust_id": "t",
        "trustee_password": "secret"});
    let made = call(
        &test,
        json!({"objinst": object("Cluster", "1.23", given), "objmethod": "create"}),
    )
    .await
    .unwrap();
    assert!(made[0].get("trustee_user_id").is_some_and(Value::is_null));
    let got = call(
        &test,
        json!({"objname": "Cluster", "objmethod": "get", "args": [made[0]["id"]]}),
    )
    .await
    .unwrap();
    assert_eq!(got["magnum_object.version"], "1.23");
    assert_eq!(got["magnum_object.data"]["trustee_password"], "secret");
    let group = json!({"name": "w", "cluster_id": "c", "project_id": "p", "role": "worker", "node_labels": {"a": "b"}});
    let made = call(
        &test,
        json!({"objinst": object("NodeGroup", "1.1", group), "objmethod": "create"}),
    )
    .await
    .unwrap();
    assert!(made[0].get("node_taints").is_none());
    let newer = call(
        &test,
        json!({"objinst": object("Cluster", "1.24", json!({})), "objmethod": "save"}),
    )
    .await;
    let text =
        "IncompatibleObjectVersion: Version 1.24 of Cluster is not supported, supported version is 1.23";
    assert_eq!(newer.unwrap_err(), text);

    let one_version = json!({"objname": "Cluster", "objmethod": "get_by_name", "objver": "1.20", "args": ["heat"],
        "kwargs": {}});
    let context = RequestContext::admin(true);
    let reply = indirection::dispatch(
        &test.db,
        &context,
        "object_class_action",
        one_version.as_object().unwrap(),
    );
    assert_eq!(reply.await.unwrap()["magnum_object.version"], "1.20");
    test.drop_database().await;
}
