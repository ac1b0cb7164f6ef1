//! `sign_certificate`, `get_ca_certificate`, `rotate_ca_certificate`: as magnum 23.0 `conductor/handlers/ca_conductor.py`.

use magnum_objects::{Cluster, MagnumError, Object, Record};
use serde_json::Value;

use super::Handlers;
use crate::{
    certificates,
    cloud::away_or_refused,
    gate::{self, Wish},
    request::{Request, RequestError},
};

impl Handlers {
    pub(super) async fn sign_certificate(&self, request: &Request) -> Result<Value, RequestError> {
        let cluster = Cluster::from_ovo(&self.cluster_object(request)?)?;
        let mut certificate = request.object(self.app.registry(), "certificate")?;
        Request::expect_class(&certificate, "Certificate")?;
        let stored = self
            .ca(request, &cluster, certificate.text("ca_cert_type"))
            .await?;
        let csr = certificate.text("csr").unwrap_or_default().to_owned();
        let pem = certificates::sign(&self.app.settings, &cluster, stored, csr).await?;
        certificate.set("pem", pem)?;
        Ok(certificate.to_wire())
    }

    pub(super) async fn get_ca_certificate(&self, request: &Request) -> Result<Value, RequestError> {
        let cluster = Cluster::from_ovo(&self.cluster_object(request)?)?;
        let ca_cert_type = request.args.get("ca_cert_type").and_then(Value::as_str);
        let stored = self.ca(request, &cluster, ca_cert_type).await?;
        let mut certificate = Object::new(self.app.registry(), "Certificate")?;
        certificate.set("project_id", cluster.project_id)?;
        certificate.set("user_id", cluster.user_id)?;
        certificate.set("cluster_uuid", cluster.uuid)?;
        certificate.set("pem", Some(stored.certificate))?;
        Ok(certificate.to_wire())
    }

    /// No Cluster API cluster can change its CAs. Python finds out after it has written new ones into the row, which
    /// breaks the cluster's certificates; we refuse first and touch nothing (design section 5).
    pub(super) async fn rotate_ca_certificate(&self, request: &Request) -> Result<Value, RequestError> {
        let cluster = Cluster::from_ovo(&self.cluster_object(request)?)?;
        if let Some(words) = gate::cluster(Wish::Update, cluster.status) {
            return Err(MagnumError::not_supported(words).into());
        }
        Err(MagnumError::not_supported("Rotating the CA certificate of a Cluster API cluster").into())
    }

    /// The stored CA of a type, if the caller may see it.
    async fn ca(
        &self,
        request: &Request,
        cluster: &Cluster,
        ca_cert_type: Option<&str>,
    ) -> Result<certificates::Entry, RequestError> {
        let Some(reference) = certificates::reference(cluster, ca_cert_type) else {
            return Err(MagnumError::x509_key_pair_not_found(Value::Null).into());
        };
        let stored = self.app.certificates.get(reference, Some(&request.context)).await;
        stored.map_err(|error| away_or_refused(request, error.is_transient(), error))
    }
}
