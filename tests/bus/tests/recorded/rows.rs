//! The rows that an exchange needs: those of the objects that stand in its reply and its request.

use serde_json::{Map, Value, json};

use crate::recording::{Exchange, decoded};

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Table.
    pub(crate) table: &'static str,
    /// Fields of the object; those that are no columns are left out when it is written.
    pub(crate) fields: Map<String, Value>,
}

fn table(object: &str) -> Option<&'static str> {
    Some(match object {
        "Cluster" => "cluster",
        "ClusterTemplate" => "cluster_template",
        "NodeGroup" => "nodegroup",
        "Quota" => "quotas",
        "MagnumService" => "magnum_service",
        _ => return None,
    })
}

/// Rows for an exchange, found in it and, where it holds no object, in `all`.
pub(crate) fn of(exchange: &Exchange, all: &[Exchange]) -> Vec<Row> {
    let request = decoded(&exchange.payload);
    let reply = exchange.reply.as_ref().map(|reply| decoded(&reply.payload));
    let result = reply.map(|reply| reply["result"].clone()).unwrap_or_default();
    let args = &request["args"];
    let mut rows = Vec::new();
    if args["objmethod"] == "create" {
        return rows;
    }
    collect(&result, &mut rows);
    // What is asked for by name only.
    if exchange.name.contains("ClusterTemplate.get.Conflict") {
        let templates = all
            .iter()
            .filter(|e| e.name.contains(".ClusterTemplate.get-") || e.name.ends_with(".ClusterTemplate.get"));
        for other in templates {
            rows.extend(of(other, &[]));
        }
        let mut twin = rows[0].clone();
        twin.fields
            .insert("uuid".into(), json!("00000000-0000-4000-8000-000000000001"));
        twin.fields.insert("id".into(), json!(9999));
        rows.push(twin);
    }
    if exchange.reply.is_some() && !exchange.name.contains("object_backport") {
        collect(args, &mut rows);
    }
    if let Some(uuid) = args["uuid"]
        .as_str()
        .filter(|_| exchange.name.ends_with("cluster_delete"))
    {
        let mut cluster = all.iter().find_map(|other| {
            let mut found = Vec::new();
            collect(&decoded(&other.payload)["args"], &mut found);
            found.into_iter().find(|row| row.table == "cluster")
        });
        if let Some(cluster) = &mut cluster {
            cluster.fields.insert("uuid".into(), uuid.into());
        }
        rows.extend(cluster);
    }
    // A cluster without its template belongs to no driver.
    if exchange.reply.is_some() && args["cluster"].is_object() {
        let template = template_of(exchange, all);
        let known = |template: &Row| {
            rows.iter()
                .any(|row| row.fields.get("uuid") == template.fields.get("uuid"))
        };
        let missing = template.filter(|template| !known(template));
        rows.extend(missing);
    }
    certificates(exchange, &result, &mut rows);
    rows
}

/// The template that a cluster to be created is made from.
pub(crate) fn template_of(exchange: &Exchange, all: &[Exchange]) -> Option<Row> {
    let wanted =
        decoded(&exchange.payload)["args"]["cluster"]["magnum_object.data"]["cluster_template_id"].clone();
    let mut template = all.iter().find_map(|other| {
        let mut found = Vec::new();
        collect(&decoded(&other.reply.as_ref()?.payload)["result"], &mut found);
        found.into_iter().find(|row| row.table == "cluster_template")
    })?;
    template.fields.insert("uuid".into(), wanted);
    template.fields.remove("id");
    Some(template)
}

/// The certificate authority of a cluster whose certificates are asked for.
fn certificates(exchange: &Exchange, result: &Value, rows: &mut Vec<Row>) {
    if !exchange.name.contains("certificate") {
        return;
    }
    let Some(cluster) = rows.iter().find(|row| row.table == "cluster").cloned() else {
        return;
    };
    let passphrase = x509::generate_passphrase();
    let authority = x509::CertificateAuthority::generate("recorded", &x509::X509Options::default()).unwrap();
    let recorded = result["magnum_object.data"]["pem"]
        .as_str()
        .filter(|_| exchange.name.contains("get_ca"));
    let key = authority.private_key(Some(&passphrase)).unwrap();
    rows.push(Row {
        table: "x509keypair",
        fields: json!({
            "uuid": cluster.fields["ca_cert_ref"], "project_id": cluster.fields["project_id"],
            "user_id": cluster.fields["user_id"],
            "certificate": recorded.unwrap_or_else(|| authority.certificate()),
            "private_key": secrecy::ExposeSecret::expose_secret(&key),
            "private_key_passphrase": secrecy::ExposeSecret::expose_secret(&passphrase),
        })
        .as_object()
        .cloned()
        .unwrap_or_default(),
    });
}

/// Every versioned object in a value that is a row; each only once.
fn collect(value: &Value, rows: &mut Vec<Row>) {
    match value {
        Value::Object(map) => {
            let data = map.get("magnum_object.data").and_then(Value::as_object);
            let name = map.get("magnum_object.name").and_then(Value::as_str);
            if let (Some(data), Some(table)) = (data, name.and_then(table)) {
                let known = rows.iter().any(|row| {
                    row.table == table
                        && ["uuid", "id"]
                            .iter()
                            .any(|key| row.fields.get(*key) == data.get(*key))
                });
                if !known {
                    rows.push(Row {
                        table,
                        fields: data.clone(),
                    });
                }
            }
            map.values().for_each(|value| collect(value, rows));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, rows)),
        _ => {}
    }
}
