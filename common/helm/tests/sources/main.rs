//! Charts from a repository and a registry, played by a small server on loopback.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod server;

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use helm::{ChartSource, SourceError};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;

use server::{Answer, Seen, Server};

fn archive(version: &str) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: c\nversion: {version}\n");
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "c/Chart.yaml", text.as_bytes())
        .unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar.into_inner().unwrap()).unwrap();
    gz.finish().unwrap()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn index(versions: &[&str]) -> Vec<u8> {
    let mut text = "apiVersion: v1\nentries:\n  c:\n".to_owned();
    for version in versions {
        let digest = digest(&archive(version));
        text.push_str(&format!(
            "  - {{name: c, version: {version}, digest: {digest}, urls: [charts/c-{version}.tgz]}}\n"
        ));
    }
    text.into_bytes()
}

fn source(server: &Server, version: &str) -> ChartSource {
    ChartSource {
        name: "c".to_owned(),
        repo: Some(format!("http://{}/stable", server.base)),
        version: (!version.is_empty()).then(|| version.to_owned()),
        ..ChartSource::default()
    }
}

#[tokio::test]
async fn repository() {
    let server = Server::start(|seen, _| match seen.path.as_str() {
        "/stable/index.yaml" if seen.headers.contains_key("if-none-match") => (304, vec![], vec![]),
        "/stable/index.yaml" => (
            200,
            vec![("ETag", "\"1\"".to_owned())],
            index(&["1.0.0", "1.1.0", "2.0.0-rc.1"]),
        ),
        "/stable/charts/c-1.0.0.tgz" => (200, vec![], archive("1.0.0")),
        "/stable/charts/c-1.1.0.tgz" => (200, vec![], archive("1.1.0")),
        "/stable/charts/c-2.0.0-rc.1.tgz" => (200, vec![], b"something else".to_vec()),
        _ => (404, vec![], vec![]),
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    assert_eq!(
        source(&server, "").fetch(cache.path()).await.unwrap().version(),
        "1.1.0"
    );
    assert_eq!(
        source(&server, "~1.0")
            .fetch(cache.path())
            .await
            .unwrap()
            .version(),
        "1.0.0"
    );
    assert_eq!(
        source(&server, "1.1.0")
            .fetch(cache.path())
            .await
            .unwrap()
            .version(),
        "1.1.0"
    );
    assert_eq!(
        server.paths(),
        [
            "/stable/index.yaml",
            "/stable/charts/c-1.1.0.tgz",
            "/stable/charts/c-1.0.0.tgz"
        ],
        "a young index and a known archive are not fetched again"
    );
    let missing = source(&server, "9").fetch(cache.path()).await.unwrap_err();
    assert!(matches!(missing, SourceError::NotFound { .. }), "{missing}");
    assert_eq!(
        server.paths().last().unwrap(),
        "/stable/index.yaml",
        "what is missing may be new"
    );
    assert!(
        server
            .seen
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .headers
            .contains_key("if-none-match")
    );
    let forged = source(&server, "2.0.0-rc.1")
        .fetch(cache.path())
        .await
        .unwrap_err();
    assert!(matches!(forged, SourceError::Digest { .. }), "{forged}");
}

#[tokio::test]
async fn a_broken_repository_does_not_stop_a_cached_chart() {
    let broken = Arc::new(Mutex::new(false));
    let switch = Arc::clone(&broken);
    let server = Server::start(move |seen, _| match seen.path.as_str() {
        _ if *switch.lock().unwrap() => (500, vec![], vec![]),
        "/stable/index.yaml" => (200, vec![], index(&["1.0.0"])),
        "/stable/charts/c-1.0.0.tgz" => (200, vec![], archive("1.0.0")),
        _ => (404, vec![], vec![]),
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    source(&server, "1.0.0").fetch(cache.path()).await.unwrap();
    *broken.lock().unwrap() = true;
    // The index that is here is too old to be used unasked.
    for entry in std::fs::read_dir(cache.path().join("indexes")).unwrap() {
        let path = entry.unwrap().path();
        let mut known: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        known["asked"] = 0.into();
        std::fs::write(&path, known.to_string()).unwrap();
    }
    assert_eq!(
        source(&server, "1.0.0")
            .fetch(cache.path())
            .await
            .unwrap()
            .version(),
        "1.0.0"
    );
    assert_eq!(server.paths().last().unwrap(), "/stable/index.yaml");
    let elsewhere = tempfile::tempdir().unwrap();
    let err = source(&server, "1.0.0")
        .fetch(elsewhere.path())
        .await
        .unwrap_err();
    assert!(err.is_transient(), "{err}");
}

#[tokio::test]
async fn credentials_go_to_their_host_only_and_into_no_message() {
    let other = Server::start(|_, _| (200, vec![], archive("1.0.0"))).await;
    let elsewhere = format!(
        "http://localhost:{}/c.tgz",
        other.base.rsplit(':').next().unwrap()
    );
    let listing = format!(
        "apiVersion: v1\nentries:\n  c:\n  - {{name: c, version: 1.0.0, digest: {}, urls: ['{elsewhere}']}}\n",
        digest(&archive("1.0.0"))
    );
    let server = Server::start(move |seen, _| {
        let expected = format!("Basic {}", STANDARD.encode("me:secret"));
        match seen.headers.get("authorization") {
            Some(found) if *found == expected => (200, vec![], listing.clone().into_bytes()),
            _ => (403, vec![], vec![]),
        }
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    let mut source = source(&server, "1.0.0");
    source.username = Some("me".to_owned());
    source.password = Some(SecretString::from("wrong"));
    let err = source.fetch(cache.path()).await.unwrap_err();
    assert!(
        !err.is_transient() && !format!("{err} {err:?} {source:?}").contains("wrong"),
        "{err}"
    );
    source.password = Some(SecretString::from("secret"));
    assert_eq!(source.fetch(cache.path()).await.unwrap().version(), "1.0.0");
    let told = |at: usize| {
        other.seen.lock().unwrap()[at]
            .headers
            .contains_key("authorization")
    };
    assert!(!told(0));
    source.pass_credentials = true;
    let cache = tempfile::tempdir().unwrap();
    assert_eq!(source.fetch(cache.path()).await.unwrap().version(), "1.0.0");
    assert!(told(1));
}

#[tokio::test]
async fn registry_with_token() {
    let server = Server::start(|seen, own| {
        let path = seen.path.split('?').next().unwrap_or_default();
        if path == "/token" {
            return (200, vec![], br#"{"token": "t0k3n"}"#.to_vec());
        }
        if seen.headers.get("authorization").map(String::as_str) != Some("Bearer t0k3n") {
            let challenge = format!("Bearer realm=\"http://{own}/token\",service=\"r\"");
            return (401, vec![("WWW-Authenticate", challenge)], vec![]);
        }
        let blob = archive("1.2.0+b1");
        match path {
            "/v2/charts/c/tags/list" => (
                200,
                vec![],
                br#"{"tags": ["1.1.0", "1.2.0_b1", "2.0.0", "latest"]}"#.to_vec(),
            ),
            "/v2/charts/c/manifests/1.2.0_b1" => {
                let layer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
                let body = format!(
                    r#"{{"layers": [{{"mediaType": "{layer}", "digest": "sha256:{}"}}]}}"#,
                    digest(&blob)
                );
                (200, vec![], body.into_bytes())
            }
            _ if path == format!("/v2/charts/c/blobs/sha256:{}", digest(&blob)) => (200, vec![], blob),
            _ => (404, vec![], vec![]),
        }
    })
    .await;
    let cache = tempfile::tempdir().unwrap();
    let mut source = ChartSource {
        name: format!("oci://{}/charts/c", server.base),
        version: Some("1.x".to_owned()),
        ..ChartSource::default()
    };
    assert_eq!(source.fetch(cache.path()).await.unwrap().version(), "1.2.0+b1");
    let blobs = |server: &Server| {
        server
            .paths()
            .iter()
            .filter(|path| path.contains("/blobs/"))
            .count()
    };
    let fetched = blobs(&server);
    source.version = Some("1.2.0+b1".to_owned());
    assert_eq!(source.fetch(cache.path()).await.unwrap().version(), "1.2.0+b1");
    assert_eq!(blobs(&server), fetched, "the second time it comes from the cache");
    assert!(
        server
            .paths()
            .iter()
            .any(|path| path.contains("scope=repository%3Acharts%2Fc%3Apull"))
    );
}

#[tokio::test]
async fn nonsense_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let source = ChartSource {
        name: "stable/c".to_owned(),
        ..ChartSource::default()
    };
    let err = source.fetch(cache.path()).await.unwrap_err();
    assert!(err.to_string().contains("stable/c"), "{err}");
}

/// A repository of one version, whatever host it is asked as.
fn one_version(seen: &Seen, _: &str) -> Answer {
    let path = seen.path.strip_prefix("http://charts.test").unwrap_or(&seen.path);
    match path {
        "/stable/index.yaml" => (200, vec![], index(&["1.0.0"])),
        "/stable/charts/c-1.0.0.tgz" => (200, vec![], archive("1.0.0")),
        _ => (404, vec![], vec![]),
    }
}

/// A certificate for `names` that nobody knows: the server's side, and the PEM that makes it trusted.
fn certificate(names: &[&str]) -> (TlsAcceptor, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), own.cert.pem())
}

#[tokio::test]
async fn a_strange_certificate_needs_its_ca_file() {
    let (tls, pem) = certificate(&["127.0.0.1"]);
    let server = Server::start_with(Some(tls), one_version).await;
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, pem).unwrap();
    let plain = ChartSource {
        repo: Some(format!("https://{}/stable", server.base)),
        ..source(&server, "")
    };
    // Each with a cache of its own: what one got is not to help the next.
    let fetch = async |source: &ChartSource| {
        let cache = tempfile::tempdir().unwrap();
        source.fetch(cache.path()).await
    };
    let refused = fetch(&plain).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    let trusting = ChartSource {
        ca_file: Some(ca_file),
        ..plain.clone()
    };
    assert_eq!(fetch(&trusting).await.unwrap().version(), "1.0.0");
    let careless = ChartSource {
        insecure_skip_tls_verify: true,
        ..plain.clone()
    };
    assert_eq!(fetch(&careless).await.unwrap().version(), "1.0.0");
    let lost = ChartSource {
        ca_file: Some(home.path().join("none.pem")),
        ..plain
    };
    let lost = fetch(&lost).await.unwrap_err().to_string();
    assert!(lost.contains("none.pem"), "{lost}");
}

#[tokio::test]
async fn a_server_that_asks_is_shown_the_certificate() {
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
    let mut known = RootCertStore::empty();
    known.add(own.cert.der().clone()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(known)).build().unwrap())
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let server = Server::start_with(Some(TlsAcceptor::from(Arc::new(config))), one_version).await;
    let home = tempfile::tempdir().unwrap();
    let files = [
        ("cert.pem", own.cert.pem()),
        ("key.pem", own.signing_key.serialize_pem()),
    ];
    let [cert, key] = files.map(|(name, pem)| {
        std::fs::write(home.path().join(name), pem).unwrap();
        home.path().join(name)
    });
    let mut source = ChartSource {
        repo: Some(format!("https://{}/stable", server.base)),
        insecure_skip_tls_verify: true,
        ..source(&server, "")
    };
    assert!(source.fetch(home.path()).await.is_err());
    source.identity = Some((cert, key));
    assert_eq!(source.fetch(home.path()).await.unwrap().version(), "1.0.0");
}

/// What the next test runs in processes with proxies in their environment, which a test cannot give itself.
#[tokio::test]
#[ignore = "run by proxies_as_the_environment_says"]
async fn fetch_as_the_environment_says() {
    let Ok(repo) = std::env::var("TEST_REPO") else {
        eprintln!("SKIPPED: TEST_REPO is not set");
        return;
    };
    let source = ChartSource {
        name: "c".to_owned(),
        repo: Some(repo),
        ca_file: std::env::var_os("TEST_CA_FILE").map(Into::into),
        ..ChartSource::default()
    };
    let cache = tempfile::tempdir().unwrap();
    match source.fetch(cache.path()).await {
        Ok(chart) => eprintln!("got {}", chart.version()),
        Err(error) => eprintln!("error {error}"),
    }
}

/// The line that a process with this environment says about its repository.
async fn in_environment(variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "fetch_as_the_environment_says",
        "--ignored",
        "--nocapture",
    ]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command.envs(variables.iter().copied()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = said
        .lines()
        .filter(|line| line.starts_with("got ") || line.starts_with("error "));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn proxies_as_the_environment_says() {
    let proxy = Server::start(one_version).await;
    let url = format!("http://user:word@{}", proxy.base);
    let through = in_environment(&[("TEST_REPO", "http://charts.test/stable"), ("HTTP_PROXY", &url)]).await;
    assert_eq!(through, "got 1.0.0");
    let whole = "http://charts.test/stable";
    assert_eq!(
        proxy.paths(),
        [
            format!("{whole}/index.yaml"),
            format!("{whole}/charts/c-1.0.0.tgz")
        ]
    );
    let basic = format!("Basic {}", STANDARD.encode("user:word"));
    let asked = |seen: &Seen| seen.headers.get("proxy-authorization") == Some(&basic);
    assert!(proxy.seen.lock().unwrap().iter().all(asked));

    // Exempt, it is asked itself.
    let direct = Server::start(one_version).await;
    let repo = format!("http://{}/stable", direct.base);
    let environment = [
        ("TEST_REPO", repo.as_str()),
        ("HTTP_PROXY", &url),
        ("NO_PROXY", "example.org,127.0.0.1"),
    ];
    assert_eq!(in_environment(&environment).await, "got 1.0.0");
    assert_eq!((proxy.paths().len(), direct.paths().len()), (2, 2));

    // TLS goes through a tunnel, and is the repository's own.
    let (tls, pem) = certificate(&["charts.test"]);
    let secure = Server::start_with(Some(tls), one_version).await;
    let tunnel = Server::tunnel(secure.base.clone()).await;
    let home = tempfile::tempdir().unwrap();
    let ca_file = home.path().join("ca.pem");
    std::fs::write(&ca_file, pem).unwrap();
    let url = format!("http://{}", tunnel.base);
    let environment = [
        ("TEST_REPO", "https://charts.test/stable"),
        ("TEST_CA_FILE", ca_file.to_str().unwrap()),
        ("HTTPS_PROXY", &url),
    ];
    assert_eq!(in_environment(&environment).await, "got 1.0.0");
    assert!(tunnel.paths().iter().all(|path| path == "charts.test:443"));
    assert_eq!(
        secure.paths(),
        ["/stable/index.yaml", "/stable/charts/c-1.0.0.tgz"]
    );
}
