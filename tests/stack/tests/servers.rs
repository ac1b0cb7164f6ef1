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
