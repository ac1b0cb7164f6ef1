//! Each server of Debian's packages starts, survives being stopped and killed, and keeps its data.

use stack::home::Home;
use stack::mariadb::MariaDb;
use stack::packages;
use stack::rabbitmq::RabbitMq;

#[tokio::test]
async fn rabbitmq_keeps_its_data_and_two_nodes_do_not_meet() {
    packages::ensure(&packages::PACKAGES).await.unwrap();
    let (one, two) = (Home::temporary().unwrap(), Home::temporary().unwrap());
    let (one, two) = tokio::join!(RabbitMq::start(&one), RabbitMq::start(&two));
    let (mut one, two) = (one.unwrap(), two.unwrap());
    one.ctl(&["add_vhost", "kept"]).await.unwrap();
    one.kill().await.unwrap();
    one.start_again().await.unwrap();
    assert!(one.ctl(&["list_vhosts"]).await.unwrap().contains("kept"));
    assert!(!two.ctl(&["list_vhosts"]).await.unwrap().contains("kept"));
    one.stop().await.unwrap();
    assert!(one.ctl(&["list_vhosts"]).await.is_err());
}

#[tokio::test]
async fn mariadb_keeps_its_data() {
    packages::ensure(&packages::PACKAGES).await.unwrap();
    let home = Home::temporary().unwrap();
    let mut server = MariaDb::start(&home, None).await.unwrap();
    server.execute("CREATE DATABASE kept").await.unwrap();
    server.kill().await.unwrap();
    server.start_again().await.unwrap();
    server.stop().await.unwrap();
    assert!(server.execute("SELECT 1").await.is_err());
    server.start_again().await.unwrap();
    assert!(server.execute("SHOW DATABASES").await.unwrap().contains("kept"));
}

#[tokio::test]
async fn keystone_logs_in_with_a_seeded_database() {
    packages::ensure(&packages::PACKAGES).await.unwrap();
    let environments = stack::python::environments().await.unwrap();
    let seed = stack::seed::Seed::get(&environments).await.unwrap();
    let home = Home::temporary().unwrap();
    let database = MariaDb::start(&home, Some(&seed.data())).await.unwrap();
    let keys = home.root().join("keys");
    seed.copy_keys(&keys).await.unwrap();
    let port = stack::ports::free().unwrap();
    stack::seed::set_ports(&database, port, 4, 5).await.unwrap();
    let keystone =
        stack::keystone::Keystone::start(&home, &environments.keystone, &keys, port, database.port())
            .await
            .unwrap();
    let identity = keystone.identity().unwrap();
    let token = identity.token(&stack::identity::DEMO).await.unwrap();
    let catalog = identity
        .call(&token, reqwest::Method::GET, "auth/catalog", None)
        .await
        .unwrap();
    let text = catalog.to_string();
    assert!(
        text.contains(&format!("http://127.0.0.1:4/volume/v3/{}", token.project_id)),
        "{text}"
    );
    assert!(text.contains("http://127.0.0.1:5/v1"), "{text}");
    assert!(text.contains(&format!("{}\"", identity.url())), "{text}");
    assert!(identity.application_credentials(&token).await.unwrap().is_empty());
}
