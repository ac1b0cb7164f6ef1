//! The caller: Magnum's `RequestContext` from the `_context_*` part of a message.
//!
//! Source of the rule: `magnum/common/context.py` over oslo.context. Unknown keys are ignored,
//! missing ones have defaults.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

/// Who sent a message, and with which rights.
#[derive(Debug, Clone, Default)]
pub struct RequestContext {
    /// Keystone token of the caller.
    pub auth_token: Option<SecretString>,
    /// Keystone's URL as magnum-api knows it.
    pub auth_url: Option<String>,
    /// User id.
    pub user_id: Option<String>,
    /// User name.
    pub user_name: Option<String>,
    /// Domain of the user.
    pub user_domain_id: Option<String>,
    /// Domain name of the user.
    pub user_domain_name: Option<String>,
    /// Project id.
    pub project_id: Option<String>,
    /// Project name.
    pub project_name: Option<String>,
    /// Role names.
    pub roles: Vec<String>,
    /// Whether policy counts the caller as administrator.
    pub is_admin: bool,
    /// Whether rows of all projects are wanted; counts for administrators only.
    pub all_tenants: bool,
    /// oslo.context's flag.
    pub read_only: bool,
    /// oslo.context's flag.
    pub show_deleted: bool,
    /// `req-…`, for logs.
    pub request_id: Option<String>,
    /// The token's body as keystonemiddleware got it; holds no secret but much personal data, so
    /// it is kept out of `Debug`.
    pub auth_token_info: TokenInfo,
    /// What only Magnum to 22 sends; kept to be passed on.
    pub legacy: Legacy,
}

/// Keys that only Magnum to 22 sends; `None` means that the key was absent.
#[derive(Debug, Clone, Default)]
pub struct Legacy {
    /// Heat's trust.
    pub trust_id: Option<Value>,
    /// Password of the caller.
    pub password: Option<Option<SecretString>>,
}

/// Body of a Keystone token.
#[derive(Clone, Default, PartialEq)]
pub struct TokenInfo(pub Value);

impl std::fmt::Debug for TokenInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_null() { "None" } else { "TokenInfo(..)" })
    }
}

impl RequestContext {
    /// From the context of a message, its keys without `_context_`.
    pub fn from_map(map: &Map<String, Value>) -> Self {
        let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| map.get(key).and_then(Value::as_bool);
        let roles: Vec<String> = map
            .get("roles")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Self {
            auth_token: text("auth_token").map(SecretString::from),
            auth_url: text("auth_url"),
            user_id: text("user_id"),
            user_name: text("user_name"),
            user_domain_id: text("user_domain_id"),
            user_domain_name: text("user_domain_name"),
            project_id: text("project_id"),
            project_name: text("project_name"),
            // Magnum asks policy's `admin_api` rule when the sender left it out.
            is_admin: flag("is_admin").unwrap_or_else(|| roles.iter().any(|role| role == "admin")),
            roles,
            all_tenants: flag("all_tenants").unwrap_or(false),
            read_only: flag("read_only").unwrap_or(false),
            show_deleted: flag("show_deleted").unwrap_or(false),
            request_id: text("request_id"),
            auth_token_info: TokenInfo(map.get("auth_token_info").cloned().unwrap_or(Value::Null)),
            legacy: Legacy {
                trust_id: map.get("trust_id").cloned(),
                password: map
                    .get("password")
                    .map(|value| value.as_str().map(SecretString::from)),
            },
        }
    }

    /// The conductor's own context, as `make_admin_context`.
    pub fn admin(all_tenants: bool) -> Self {
        Self {
            is_admin: true,
            all_tenants,
            request_id: Some(format!("req-{}", uuid::Uuid::new_v4())),
            ..Self::default()
        }
    }

    /// The context as it is sent on, the token included.
    pub fn to_map(&self) -> Map<String, Value> {
        let identity = [
            &self.user_id,
            &self.project_id,
            &None,
            &self.user_domain_id,
            &None,
        ]
        .map(|part| part.as_deref().filter(|text| !text.is_empty()).unwrap_or("-"))
        .join(" ");
        let token = self.auth_token.as_ref().map(|token| token.expose_secret());
        let map = json!({
            "user": self.user_id,
            "project_id": self.project_id,
            "system_scope": null,
            "project": self.project_id,
            "domain": null,
            "user_domain": self.user_domain_id,
            "project_domain": null,
            "is_admin": self.is_admin,
            "read_only": self.read_only,
            "show_deleted": self.show_deleted,
            "auth_token": token,
            "request_id": self.request_id,
            "global_request_id": null,
            "resource_uuid": null,
            "roles": self.roles,
            "user_identity": identity,
            "is_admin_project": true,
            "auth_url": self.auth_url,
            "user_domain_id": self.user_domain_id,
            "user_domain_name": self.user_domain_name,
            "user_name": self.user_name,
            "user_id": self.user_id,
            "project_name": self.project_name,
            "auth_token_info": self.auth_token_info.0,
            "all_tenants": self.all_tenants,
        });
        let Value::Object(mut map) = map else {
            return Map::new();
        };
        if let Some(trust_id) = &self.legacy.trust_id {
            map.insert("trust_id".into(), trust_id.clone());
        }
        if let Some(password) = &self.legacy.password {
            map.insert(
                "password".into(),
                password.as_ref().map(|text| text.expose_secret()).into(),
            );
        }
        map
    }

    /// The context for a notification: without token, password and token body. Notifications go to
    /// queues that many services read.
    pub fn to_notification_map(&self) -> Map<String, Value> {
        let mut map = self.to_map();
        for key in ["auth_token", "password", "auth_token_info"] {
            if let Some(value) = map.get_mut(key) {
                *value = Value::Null;
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_no_debug_output() {
        let map = json!({"auth_token": "t0ken", "auth_token_info": {"token": "t0ken"}, "password": "t0ken"});
        let context = RequestContext::from_map(map.as_object().unwrap());
        assert!(!format!("{context:?}").contains("t0ken"));
        let notification = Value::Object(context.to_notification_map()).to_string();
        assert!(!notification.contains("t0ken"));
        assert_eq!(context.to_map()["auth_token"], "t0ken");
    }

    #[test]
    fn an_administrator_is_known_by_role_if_the_flag_is_missing() {
        let admin = RequestContext::from_map(json!({"roles": ["admin"]}).as_object().unwrap());
        assert!(admin.is_admin);
        let explicit = RequestContext::from_map(
            json!({"roles": ["admin"], "is_admin": false})
                .as_object()
                .unwrap(),
        );
        assert!(!explicit.is_admin);
    }
}
