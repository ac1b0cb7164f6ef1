//! Statements on a real server: narrow updates, guards, duplicates, schema checks, session state.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::time::Duration;

use indexmap::IndexMap;
use magnum_objects::db::Retry;
use magnum_objects::rows::{self, Changes, Guard};
use magnum_objects::{
    Cluster, ClusterStatus, ClusterTemplate, Db, DbError, DbSettings, Kind, MagnumError, NodeGroup,
    RequestContext, X509KeyPair,
};
use secrecy::ExposeSecret;
use sqlx::Row;
use test_database::{SCHEMA_18, SCHEMA_23, TestDb, create, server, settings};

fn cluster(uuid: &str) -> Cluster {
    Cluster {
        uuid: uuid.into(),
        name: "c".into(),
        project_id: "p".into(),
        cluster_template_id: "t".into(),
        labels: Some(IndexMap::from([
            ("ü".into(), "☃".into()),
            ("a".into(), "1".into()),
        ])),
        status: Some(ClusterStatus::CreateInProgress),
        ..Cluster::default()
    }
}

#[tokio::test]
async fn a_cluster_is_stored_as_magnum_stores_it() {
    for (schema, name) in [(SCHEMA_18, "stored_18"), (SCHEMA_23, "stored_23")] {
        let Some(test) = TestDb::new(name, schema).await else {
            return;
        };
        let mut conn = test.db.acquire().await.unwrap();
        let made = rows::cluster::insert(&mut conn, test.db.schema(), &cluster(""))
            .await
            .unwrap();
        assert_eq!((made.id, made.uuid.len()), (1, 36));
        let read = rows::cluster::by_uuid(&mut conn, test.db.schema(), &made.uuid)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (read.labels, read.created_at, read.updated_at),
            (cluster("").labels, made.created_at, None)
        );
        let row = sqlx::query("SELECT labels, health_status_reason, floating_ip_enabled FROM cluster");
        let row = row.fetch_one(&mut *conn).await.unwrap();
        assert_eq!(row.get::<String, _>(0), r#"{"\u00fc": "\u2603", "a": "1"}"#);
        assert_eq!(row.get::<String, _>(1), "{}");
        assert!(row.get::<bool, _>(2));
        drop(conn);
        test.drop_database().await;
    }
}

#[tokio::test]
async fn an_update_touches_only_what_it_names_and_only_if_the_guard_holds() {
    let Some(test) = TestDb::new("guards", SCHEMA_23).await else {
        return;
    };
    let (schema, mut conn) = (test.db.schema().clone(), test.db.acquire().await.unwrap());
    let id = rows::cluster::insert(&mut conn, &schema, &cluster(""))
        .await
        .unwrap()
        .uuid;
    let complete = Changes::new()
        .set("status", ClusterStatus::CreateComplete)
        .set("status_reason", None::<String>);
    let in_progress = Guard::none().expect("status", ClusterStatus::CreateInProgress);
    assert!(
        rows::cluster::update(&mut conn, &schema, &id, &complete, &in_progress)
            .await
            .unwrap()
    );
    assert!(
        !rows::cluster::update(&mut conn, &schema, &id, &complete, &in_progress)
            .await
            .unwrap()
    );
    let row = rows::cluster::by_uuid(&mut conn, &schema, &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.status, row.labels),
        (Some(ClusterStatus::CreateComplete), cluster("").labels)
    );
    assert!(row.updated_at.is_some());

    // Matched counts, not changed: writing the same again succeeds.
    let same = Guard::none().expect("health_status", None::<String>);
    assert!(
        rows::cluster::update(&mut conn, &schema, &id, &complete, &same)
            .await
            .unwrap()
    );
    let either = [Some(ClusterStatus::CreateComplete), None];
    let one_of = Guard::none().expect_one_of("status", either);
    assert!(
        rows::cluster::update(&mut conn, &schema, &id, &Changes::new(), &one_of)
            .await
            .unwrap()
    );
    let none_of = Guard::none().expect_one_of("status", [ClusterStatus::UpdateFailed]);
    assert!(
        !rows::cluster::update(&mut conn, &schema, &id, &complete, &none_of)
            .await
            .unwrap()
    );
    assert!(
        !rows::cluster::update(&mut conn, &schema, "nobody", &complete, &Guard::none())
            .await
            .unwrap()
    );

    let stamped = Changes::new().set("updated_at", row.created_at.unwrap());
    assert!(
        rows::cluster::update(&mut conn, &schema, &id, &stamped, &Guard::none())
            .await
            .unwrap()
    );
    let typo = Changes::new().set("statsu", "x");
    let error = rows::cluster::update(&mut conn, &schema, &id, &typo, &Guard::none())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "cluster has no column statsu");
    let unfit = Changes::new().set("status", "EXPLODED");
    let error = rows::cluster::update(&mut conn, &schema, &id, &unfit, &Guard::none())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cluster.status: Field value EXPLODED is invalid"
    );
    assert!(rows::cluster::delete(&mut conn, &schema, &id).await.unwrap());
    assert!(!rows::cluster::delete(&mut conn, &schema, &id).await.unwrap());
    drop(conn);
    test.drop_database().await;
}

#[tokio::test]
async fn duplicates_are_magnums_exceptions() {
    let Some(test) = TestDb::new("duplicates", SCHEMA_18).await else {
        return;
    };
    let (schema, mut conn) = (test.db.schema().clone(), test.db.acquire().await.unwrap());
    let group = NodeGroup {
        name: "w".into(),
        cluster_id: "c".into(),
        project_id: "p".into(),
        // Not a column of this release: left out.
        node_labels: Some(IndexMap::from([("a".into(), "b".into())])),
        ..NodeGroup::default()
    };
    rows::nodegroup::insert(&mut conn, &schema, &group).await.unwrap();
    let error = rows::nodegroup::insert(&mut conn, &schema, &group)
        .await
        .unwrap_err();
    let DbError::Refused(error) = error else {
        panic!("{error}")
    };
    assert!(error.is(Kind::NodeGroupAlreadyExists));
    assert_eq!(
        error.message,
        "A node group with name w already exists in the cluster c."
    );
    let pair = X509KeyPair {
        uuid: "u".into(),
        private_key: Some("k3y".into()),
        ..X509KeyPair::default()
    };
    rows::x509keypair::insert(&mut conn, &schema, &pair)
        .await
        .unwrap();
    let error = MagnumError::from(
        rows::x509keypair::insert(&mut conn, &schema, &pair)
            .await
            .unwrap_err(),
    );
    assert!(error.is(Kind::X509KeyPairAlreadyExists));
    let read = rows::x509keypair::by_uuid(&mut conn, &schema, "u")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.private_key.unwrap().expose_secret(), "k3y");
    let labels = Changes::new().set("node_labels", IndexMap::from([("a".to_owned(), "b".to_owned())]));
    let stored = rows::nodegroup::by_cluster(&mut conn, &schema, "c")
        .await
        .unwrap()
        .remove(0);
    assert!(
        rows::nodegroup::update(&mut conn, &schema, &stored.uuid, &labels, &Guard::none())
            .await
            .unwrap()
    );
    assert_eq!(
        rows::nodegroup::delete_by_cluster(&mut conn, &schema, "c")
            .await
            .unwrap(),
        1
    );
    drop(conn);
    test.drop_database().await;
}

#[tokio::test]
async fn callers_see_what_is_theirs() {
    let Some(test) = TestDb::new("tenants", SCHEMA_23).await else {
        return;
    };
    let (schema, mut conn) = (test.db.schema().clone(), test.db.acquire().await.unwrap());
    let id = rows::cluster::insert(&mut conn, &schema, &cluster(""))
        .await
        .unwrap()
        .uuid;
    for (uuid, public, hidden) in [
        ("own", false, false),
        ("public", true, false),
        ("hidden", true, true),
    ] {
        let project = if uuid == "own" { "p" } else { "other" };
        let template = ClusterTemplate {
            uuid: uuid.into(),
            project_id: Some(project.into()),
            public,
            hidden,
            ..ClusterTemplate::default()
        };
        rows::cluster_template::insert(&mut conn, &schema, &template)
            .await
            .unwrap();
    }
    let user = |project: &str| RequestContext {
        project_id: Some(project.into()),
        ..RequestContext::default()
    };
    let admin = RequestContext {
        is_admin: true,
        ..user("elsewhere")
    };
    for (context, sees_cluster, templates) in [
        (user("p"), true, vec!["own", "public"]),
        (user("elsewhere"), false, vec!["public"]),
        (admin, false, vec!["public", "hidden"]),
        (RequestContext::admin(true), true, vec!["own", "public", "hidden"]),
    ] {
        let found = rows::cluster::visible(&mut conn, &schema, &context, &id).await;
        assert_eq!(found.is_ok(), sees_cluster, "{context:?}");
        let mut seen = Vec::new();
        for uuid in ["own", "public", "hidden"] {
            match rows::cluster_template::visible(&mut conn, &schema, &context, uuid).await {
                Ok(template) => seen.push(template.uuid),
                Err(error) => assert!(MagnumError::from(error).is(Kind::ClusterTemplateNotFound)),
            }
        }
        assert_eq!(seen, templates, "{context:?}");
    }
    drop(conn);
    test.drop_database().await;
}

#[tokio::test]
async fn the_heartbeat_makes_its_row_and_counts() {
    let Some(test) = TestDb::new("heartbeat", SCHEMA_23).await else {
        return;
    };
    let (schema, mut conn) = (test.db.schema().clone(), test.db.acquire().await.unwrap());
    for count in 1..=2 {
        rows::magnum_service::report(&mut conn, &schema, "h", "magnum-conductor")
            .await
            .unwrap();
        let service = rows::magnum_service::by_host_and_binary(&mut conn, &schema, "h", "magnum-conductor");
        let service = service.await.unwrap().unwrap();
        assert_eq!(
            (service.id, service.report_count, service.disabled),
            (1, count, false)
        );
        assert!(service.last_seen_up.is_some());
    }
    drop(conn);
    test.drop_database().await;
}

#[tokio::test]
async fn connecting_changes_no_session_state() {
    let Some(test) = TestDb::new("session", SCHEMA_23).await else {
        return;
    };
    let mut conn = test.db.acquire().await.unwrap();
    for variable in ["sql_mode", "time_zone", "autocommit"] {
        let sql = format!("SELECT CONCAT(@@session.{variable}, ''), CONCAT(@@global.{variable}, '')");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        // A capability in the handshake, which ProxySQL does not pass on.
        let session = row.get::<String, _>(0).replace("IGNORE_SPACE,", "");
        assert_eq!(session, row.get::<String, _>(1), "{variable}");
    }
    drop(conn);
    test.drop_database().await;
}

#[tokio::test]
async fn a_schema_that_is_not_ours_is_refused_with_the_reason() {
    let Some(server) = server("a_schema_that_is_not_ours") else {
        return;
    };
    let name = format!("magnum_objects_{}_refused", std::process::id());
    for (schema, reason) in [
        ("CREATE TABLE x (id int)", "no table alembic_version"),
        (
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "alembic_version is empty",
        ),
        (
            "CREATE TABLE alembic_version (version_num varchar(32));\nINSERT INTO alembic_version VALUES ('7da8489d6a68')",
            "7da8489d6a68, which is of no supported release; supported are c0f832afc4fd (Magnum 18",
        ),
        (
            "CREATE TABLE alembic_version (version_num varchar(32));\nINSERT INTO alembic_version VALUES ('b3e1cf4a2d5e')",
            "no table cluster",
        ),
    ] {
        create(&server, &name, schema).await;
        let error = Db::connect(&settings(&server, &name)).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(!error.is_transient());
    }
    create(&server, &name, "DROP TABLE IF EXISTS x").await;
    let pool = sqlx::MySqlPool::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("DROP DATABASE `{name}`")))
        .execute(&pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_error_without_the_password() {
    let nowhere = DbSettings {
        acquire_timeout: Duration::from_millis(500),
        ..DbSettings::new("mysql+pymysql://magnum:s3cret@127.0.0.1:1/magnum")
    };
    let error = Db::connect(&nowhere).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("cannot connect to the database at 127.0.0.1:1: "),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
    assert!(!format!("{error} {nowhere:?}").contains("s3cret"));
}

#[tokio::test]
async fn one_of_two_deadlocked_transactions_is_tried_again() {
    let Some(test) = TestDb::new("deadlock", SCHEMA_23).await else {
        return;
    };
    let schema = test.db.schema().clone();
    let mut conn = test.db.acquire().await.unwrap();
    for uuid in ["a", "b"] {
        rows::cluster::insert(&mut conn, &schema, &cluster(uuid))
            .await
            .unwrap();
    }
    drop(conn);
    let turn = |first: &'static str, second: &'static str| {
        let (db, schema) = (test.db.clone(), schema.clone());
        async move {
            let mut retry = Retry::default();
            let mut attempts = 0;
            loop {
                attempts += 1;
                let attempt = async {
                    let mut tx = db.begin().await?;
                    rows::cluster::lock(&mut tx, &schema, first).await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    let change = Changes::new().set("status_reason", first);
                    rows::cluster::update(&mut tx, &schema, second, &change, &Guard::none()).await?;
                    Db::commit(tx).await
                };
                match attempt.await {
                    Err(error) if retry.again(&error).await => {}
                    other => return other.map(|()| attempts),
                }
            }
        }
    };
    let (one, two) = tokio::join!(tokio::spawn(turn("a", "b")), tokio::spawn(turn("b", "a")));
    let (one, two) = (one.unwrap().unwrap(), two.unwrap().unwrap());
    assert!(one + two > 2, "there was no deadlock");
    test.drop_database().await;
}
