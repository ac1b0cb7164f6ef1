//! What comes off the bus: bodies, request contexts, versioned objects.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use magnum_objects::{Object, Registry, Release, RequestContext, ovo};
use oslo_messaging::Incoming;
use serde_json::{Map, Value};

/// A body: the first byte chooses how it claims to be compressed, the rest is read as a server reads it.
pub fn bus_envelope(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let compression = match first {
        b'g' => Some("application/x-gzip"),
        b'b' => Some("application/x-bz2"),
        b'?' => Some("application/other"),
        _ => None,
    };
    let mut properties = BasicProperties::default();
    if let Some(name) = compression {
        let mut headers = FieldTable::default();
        headers.insert("compression".into(), AMQPValue::LongString(name.into()));
        properties = properties.with_headers(headers);
    }
    match Incoming::read(body, &properties) {
        Ok((incoming, _)) => assert!(!format!("{incoming:?}").is_empty()),
        Err(reason) => assert!(!reason.is_empty(), "a drop has its reason"),
    }
}

/// A request context: what is sent on of it reads as the same again, and its notification form holds no token.
pub fn bus_context(data: &[u8]) {
    let Ok(Value::Object(map)) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let context = RequestContext::from_map(&map);
    let sent = context.to_map();
    let again = RequestContext::from_map(&sent).to_map();
    assert_eq!(sent, again, "a context changes when it is sent on");
    let told = context.to_notification_map();
    let token = |map: &Map<String, Value>| map.get("auth_token").cloned().unwrap_or_default();
    assert!(token(&told).is_null(), "a token in a notification");
}

/// A versioned object of either release: written and read again it is the same.
pub fn bus_objects(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    for release in [Release::V18, Release::V23] {
        let registry = Registry::of(release);
        // Refusals are as good as objects; panics are not.
        let _ = ovo::check_entities(registry, value.clone());
        let Ok(object) = Object::from_wire(registry, &value) else {
            continue;
        };
        let wire = object.to_wire();
        match Object::from_wire(registry, &wire) {
            Ok(again) => assert_eq!(again.to_wire(), wire, "an object changes when it is read again"),
            Err(error) => assert!(
                error.message.is_empty(),
                "what we wrote is refused: {}",
                error.message
            ),
        }
        let _ = object.to_wire_version("1.0", value.as_object());
        let _ = (object.what_changed(), object.changed_values());
    }
}
