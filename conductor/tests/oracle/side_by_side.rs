//! The cloud is asked for everything at once: no look-up waits for another.

use std::sync::Arc;

use conductor_config::Settings;
use conductor_driver::facts::{FlavorNeed, Needs};
use magnum_conductor::{credentials, facts};
use magnum_objects::RequestContext;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::world::World;

/// Flavors, image, both networks, subnet, volume types.
const LOOK_UPS: usize = 6;

fn settings(base: &str) -> Settings {
    let keystone = format!("{base}/keystone/v3");
    let own = json!({
        "DEFAULT": {"transport_url": "rabbit://"},
        "database": {"connection": "mysql://"},
        "keystone_auth": {"auth_url": keystone},
        "keystone_authtoken": {"www_authenticate_uri": keystone},
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let common = oracle::common();
    std::fs::write(file.path(), oracle::ini(&[&common["base_conf"], &own])).unwrap();
    Settings::load(&[file.path().to_owned()], &[]).unwrap()
}

#[test]
fn look_ups_do_not_wait_for_each_other() {
    crate::with_room(look_ups());
}

async fn look_ups() {
    let world = World::start().await;
    world.set(&Value::Null, &oracle::common(), &[]);
    let settings = settings(&world.base);
    let token = world.scene.lock().token(
        "f1d2a3b4c5d647e8a9b0c1d2e3f4a5b6",
        "a0b1c2d3e4f5061728394a5b6c7d8e9f",
    );
    let context = json!({"auth_token": "t", "auth_token_info": token, "project_id": "f1d2a3b4c5d647e8a9b0c1d2e3f4a5b6",
        "user_id": "a0b1c2d3e4f5061728394a5b6c7d8e9f"});
    let context = RequestContext::from_map(context.as_object().unwrap());
    let clouds = credentials::clouds(&settings).unwrap();
    let cloud = credentials::caller(&clouds, &context).unwrap();
    let needs = Needs {
        image: Some("7a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d".to_owned()),
        template: "t".to_owned(),
        fixed_network: Some("private".to_owned()),
        fixed_subnet: Some("private-subnet".to_owned()),
        external_network: Some("public".to_owned()),
        flavors: vec![FlavorNeed {
            nodegroup: "default-worker".to_owned(),
            flavor: Some("m1.medium".to_owned()),
        }],
    };
    world.scene.lock().together = Some(Arc::new(Barrier::new(LOOK_UPS)));
    let facts = facts::gather(&cloud, &settings, &needs, None).await.unwrap();
    assert_eq!(facts.image_id, "7a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d");
    assert!(facts.fixed_network_id.is_some() && facts.fixed_subnet_id.is_some());
    assert!(world.scene.lock().together.is_none(), "all six came");
}
