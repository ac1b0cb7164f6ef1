//! Charts and their provenance files, good and not: the verdict, and where `HELM_TEST_PROGRAM` names helm 3.17, the
//! same from it, word by word.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use helm::{ChartSource, SourceError};
use pgp::composed::{
    ArmorOptions, CleartextSignedMessage, KeyType, SecretKeyParamsBuilder, SignedSecretKey,
    SubkeyParamsBuilder,
};
use pgp::ser::Serialize;
use pgp::types::{Password, SigningKey};
use rand_core::OsRng;
use sha2::{Digest, Sha256};

const RSA: KeyType = KeyType::Rsa(2048);

fn key(kind: KeyType, signs: bool, subkey: Option<KeyType>) -> SignedSecretKey {
    let subkeys = subkey.map(|kind| {
        let mut builder = SubkeyParamsBuilder::default();
        builder.key_type(kind).can_sign(true).build().unwrap()
    });
    let mut builder = SecretKeyParamsBuilder::default();
    builder
        .key_type(kind)
        .can_certify(true)
        .can_sign(signs)
        .primary_user_id("Chart Maker <maker@example.com>".to_owned())
        .subkeys(subkeys.into_iter().collect());
    builder.build().unwrap().generate(OsRng).unwrap()
}

/// The key that signs, and one that nobody asked for; RSA keys take their time, so all tests share them.
fn maker() -> &'static SignedSecretKey {
    static KEY: OnceLock<SignedSecretKey> = OnceLock::new();
    KEY.get_or_init(|| key(RSA, true, None))
}

fn stranger() -> &'static SignedSecretKey {
    static KEY: OnceLock<SignedSecretKey> = OnceLock::new();
    KEY.get_or_init(|| key(RSA, true, None))
}

fn public(key: &SignedSecretKey) -> Vec<u8> {
    key.to_public_key().to_bytes().unwrap()
}

fn sign(text: &str, key: &impl SigningKey) -> Vec<u8> {
    let message = CleartextSignedMessage::sign(OsRng, text, key, &Password::empty()).unwrap();
    message.to_armored_bytes(ArmorOptions::default()).unwrap()
}

fn sum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fn archive() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(CHART.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "c/Chart.yaml", CHART.as_bytes())
        .unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&tar.into_inner().unwrap()).unwrap();
    gz.finish().unwrap()
}

/// What `helm package --sign` would sign.
fn message() -> String {
    format!(
        "{CHART}\n...\nfiles:\n  c-1.0.0.tgz: sha256:{}\n",
        sum(&archive())
    )
}

/// A folder with a signed archive and keyrings.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("c-1.0.0.tgz", &archive());
        place.write("c-1.0.0.tgz.prov", &sign(&message(), &maker().primary_key));
        place.write("pubring.gpg", &public(maker()));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Our verdict on a chart; the folder's own name in it is `HERE`.
    async fn ours(&self, source: ChartSource) -> Result<(), String> {
        let cache = tempfile::tempdir().unwrap();
        let fetched = source.fetch(cache.path()).await;
        fetched.map(drop).map_err(|error| self.told(&error.to_string()))
    }

    /// Helm's, if there is helm.
    fn theirs(&self, test: &str, arguments: &[&str]) -> Option<Result<(), String>> {
        let Some(program) = std::env::var_os("HELM_TEST_PROGRAM") else {
            eprintln!("SKIPPED: {test} beside helm: HELM_TEST_PROGRAM is not set");
            return None;
        };
        let output = Command::new(program)
            .args(["template", "x"])
            .args(arguments)
            .envs([
                ("HELM_CACHE_HOME", self.path("cache")),
                ("HELM_CONFIG_HOME", self.path("config")),
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Some(match output.status.success() {
            true => Ok(()),
            false => Err(self.told(
                said.lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("Error: "),
            )),
        })
    }

    fn told(&self, text: &str) -> String {
        text.replace(&self.0.path().display().to_string(), "HERE")
    }

    /// Both verdicts on a chart in the folder are the one expected (helm's on its own if it is another).
    async fn judged(&self, chart: &str, keyring: &str, expected: Result<(), &str>) {
        let (chart, keyring) = (self.path(chart), self.path(keyring));
        let source = ChartSource {
            name: chart.display().to_string(),
            keyring: Some(keyring.clone()),
            ..ChartSource::default()
        };
        let expected = expected.map_err(str::to_owned);
        assert_eq!(self.ours(source).await, expected, "{chart:?}");
        let arguments = [
            &source_text(&chart),
            "--verify",
            "--keyring",
            &source_text(&keyring),
        ];
        if let Some(theirs) = self.theirs("provenance", &arguments) {
            assert_eq!(theirs, expected, "helm of {chart:?}");
        }
    }
}

fn source_text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn archives_on_disk() {
    let place = Place::new();
    place.judged("c-1.0.0.tgz", "pubring.gpg", Ok(())).await;

    place.write("stranger.gpg", &public(stranger()));
    let unknown = Err("openpgp: signature made by unknown entity");
    place.judged("c-1.0.0.tgz", "stranger.gpg", unknown).await;
    place.write("empty.gpg", b"");
    place.judged("c-1.0.0.tgz", "empty.gpg", unknown).await;
    place.write("both.gpg", &[public(stranger()), public(maker())].concat());
    place.judged("c-1.0.0.tgz", "both.gpg", Ok(())).await;
    place.write("secring.gpg", &maker().to_bytes().unwrap());
    place.judged("c-1.0.0.tgz", "secring.gpg", Ok(())).await;
    let lost = "failed to load keyring: open HERE/none.gpg: no such file or directory";
    place.judged("c-1.0.0.tgz", "none.gpg", Err(lost)).await;
    place.write("text.gpg", b"no keys here");
    let text = "failed to load keyring: openpgp: invalid data: tag byte does not have MSB set";
    place.judged("c-1.0.0.tgz", "text.gpg", Err(text)).await;

    let folder = place.path("c");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Chart.yaml"), CHART).unwrap();
    place
        .judged("c", "pubring.gpg", Err("unpacked charts cannot be verified"))
        .await;
    place.write("c.tar.gz", &archive());
    place
        .judged("c.tar.gz", "pubring.gpg", Err("chart must be a tgz file"))
        .await;
    place.write("bare.tgz", &archive());
    let bare = "could not load provenance file HERE/bare.tgz.prov: stat HERE/bare.tgz.prov: no such file or directory";
    place.judged("bare.tgz", "pubring.gpg", Err(bare)).await;
    place.write("other.tgz", &archive());
    place.write("other.tgz.prov", &sign(&message(), &maker().primary_key));
    let other = "provenance does not contain a SHA for a file named \"other.tgz\"";
    place.judged("other.tgz", "pubring.gpg", Err(other)).await;
}

#[tokio::test]
async fn archives_and_signatures_that_were_changed() {
    let place = Place::new();
    let provenance = place.read("c-1.0.0.tgz.prov");
    let changed = [archive(), b" ".to_vec()].concat();
    place.write("c-1.0.0.tgz", &changed);
    let expected = format!(
        "sha256 sum does not match for c-1.0.0.tgz: \"sha256:{}\" != \"sha256:{}\"",
        sum(&archive()),
        sum(&changed)
    );
    place.judged("c-1.0.0.tgz", "pubring.gpg", Err(&expected)).await;

    // The sum changed with the archive: not what was signed.
    let forged = provenance.replace(&sum(&archive()), &sum(&changed));
    assert_ne!(forged, provenance);
    place.write("c-1.0.0.tgz.prov", forged.as_bytes());
    let expected = Err("openpgp: invalid signature: hash tag doesn't match");
    place.judged("c-1.0.0.tgz", "pubring.gpg", expected).await;
    place.write("c-1.0.0.tgz", &archive());

    let around = format!("mail\n\n{provenance}\nregards\n");
    place.write("c-1.0.0.tgz.prov", around.as_bytes());
    place.judged("c-1.0.0.tgz", "pubring.gpg", Ok(())).await;
    // What stands before the signed text is not signed.
    let before = format!(
        "files:\n  c-1.0.0.tgz: sha256:{}\n\n{}",
        sum(&changed),
        provenance
    );
    place.write("c-1.0.0.tgz.prov", before.as_bytes());
    place.judged("c-1.0.0.tgz", "pubring.gpg", Ok(())).await;
    place.write("c-1.0.0.tgz.prov", provenance.replace('\n', "\r\n").as_bytes());
    place.judged("c-1.0.0.tgz", "pubring.gpg", Ok(())).await;
    for unsigned in [
        "",
        message().as_str(),
        provenance.split("-----BEGIN PGP SIGNATURE").next().unwrap(),
    ] {
        place.write("c-1.0.0.tgz.prov", unsigned.as_bytes());
        let expected = Err("failed to decode signature: signature block not found");
        place.judged("c-1.0.0.tgz", "pubring.gpg", expected).await;
    }
    place.write("c-1.0.0.tgz.prov", &sign("one: part\n", &maker().primary_key));
    let expected = Err("message block must have at least two parts");
    place.judged("c-1.0.0.tgz", "pubring.gpg", expected).await;
}

#[tokio::test]
async fn keys_that_may_sign() {
    let place = Place::new();
    // Bound to a key that only certifies: its subkey may, itself it may not.
    let keys = key(RSA, false, Some(RSA));
    place.write("pubring.gpg", &public(&keys));
    place.write("c-1.0.0.tgz.prov", &sign(&message(), &keys.primary_key));
    let unknown = Err("openpgp: signature made by unknown entity");
    place.judged("c-1.0.0.tgz", "pubring.gpg", unknown).await;
    place.write("c-1.0.0.tgz.prov", &sign(&message(), &keys.secret_subkeys[0].key));
    place.judged("c-1.0.0.tgz", "pubring.gpg", Ok(())).await;

    // A subkey bound by another key than the one that it stands under.
    let mut stolen = maker().to_public_key();
    stolen.public_subkeys = keys.to_public_key().public_subkeys;
    place.write(
        "pubring.gpg",
        &[public(stranger()), stolen.to_bytes().unwrap()].concat(),
    );
    place.judged("c-1.0.0.tgz", "pubring.gpg", unknown).await;
}

/// What helm 3.17 does not read, and GnuPG makes unasked: Ed25519 keys; and armored keyrings.
#[tokio::test]
async fn more_than_helm_reads() {
    let place = Place::new();
    let source = |keyring: &str| ChartSource {
        name: source_text(&place.path("c-1.0.0.tgz")),
        keyring: Some(place.path(keyring)),
        ..ChartSource::default()
    };
    let armored = maker().to_public_key().to_armored_bytes(ArmorOptions::default());
    place.write("pubring.asc", &armored.unwrap());
    assert_eq!(place.ours(source("pubring.asc")).await, Ok(()));
    let keys = key(KeyType::Ed25519Legacy, true, None);
    place.write("ed25519.gpg", &public(&keys));
    place.write("c-1.0.0.tgz.prov", &sign(&message(), &keys.primary_key));
    assert_eq!(place.ours(source("ed25519.gpg")).await, Ok(()));
    let unknown = Err("openpgp: signature made by unknown entity".to_owned());
    assert_eq!(place.ours(source("pubring.asc")).await, unknown);
}

#[tokio::test]
async fn what_helm_signs() {
    let Some(program) = std::env::var_os("HELM_TEST_PROGRAM") else {
        return eprintln!("SKIPPED what_helm_signs: HELM_TEST_PROGRAM is not set");
    };
    let place = Place::new();
    std::fs::create_dir(place.path("c")).unwrap();
    // Dashes and trailing blanks are what clear-signing changes.
    let metadata = format!("{CHART}description: |-\n  - listed \n  -----BEGIN\nkeywords:\n- \"- a \"\n");
    std::fs::write(place.path("c/Chart.yaml"), metadata).unwrap();
    place.write("secring.gpg", &maker().to_bytes().unwrap());
    let packaged = Command::new(program)
        .args(["package", "--sign", "--key", "Chart Maker", "--keyring"])
        .args([
            place.path("secring.gpg"),
            place.path("c"),
            "-d".into(),
            place.path("out"),
        ])
        .output()
        .unwrap();
    assert!(
        packaged.status.success(),
        "{}",
        String::from_utf8_lossy(&packaged.stderr)
    );
    place.judged("out/c-1.0.0.tgz", "pubring.gpg", Ok(())).await;
    let provenance = place.read("out/c-1.0.0.tgz.prov");
    let forged = provenance.replace("version: 1.0.0", "version: 1.0.1");
    assert_ne!(forged, provenance);
    place.write("out/c-1.0.0.tgz.prov", forged.as_bytes());
    let expected = Err("openpgp: invalid signature: hash tag doesn't match");
    place.judged("out/c-1.0.0.tgz", "pubring.gpg", expected).await;
}

/// Files by path, on loopback; what is not there is 404, and once `broken`, everything is 500.
struct Server {
    base: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    broken: Arc<Mutex<bool>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let server = Self {
            base,
            files: Arc::default(),
            broken: Arc::default(),
        };
        let (files, broken) = (Arc::clone(&server.files), Arc::clone(&server.broken));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let head: Vec<String> = stream
                    .by_ref()
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let path = head.first().and_then(|line| line.split(' ').nth(1));
                let file = files.lock().unwrap().get(path.unwrap_or_default()).cloned();
                let (status, body) = match file {
                    _ if *broken.lock().unwrap() => (500, Vec::new()),
                    Some(file) => (200, file),
                    None => (404, Vec::new()),
                };
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                // Who does not want the answer hangs up.
                let _ = stream.get_mut().write_all(&[head.into_bytes(), body].concat());
            }
        });
        server
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
    }
}

#[tokio::test]
async fn archives_in_a_repository() {
    let (place, server) = (Place::new(), Server::start());
    let index = format!(
        "apiVersion: v1\nentries:\n  c:\n  - {{name: c, version: 1.0.0, digest: {}, urls: [charts/c-1.0.0.tgz]}}\n",
        sum(&archive())
    );
    server.put("/r/index.yaml", index.as_bytes());
    server.put("/r/charts/c-1.0.0.tgz", &archive());
    let repo = format!("http://{}/r", server.base);
    let keyring = place.path("pubring.gpg");
    let both = async |expected: Result<(), String>| {
        let inside = ChartSource {
            name: "c".to_owned(),
            repo: Some(repo.clone()),
            keyring: Some(keyring.clone()),
            ..ChartSource::default()
        };
        assert_eq!(place.ours(inside).await, expected);
        let direct = ChartSource {
            name: format!("{repo}/charts/c-1.0.0.tgz"),
            keyring: Some(keyring.clone()),
            ..ChartSource::default()
        };
        assert_eq!(place.ours(direct).await, expected);
        let arguments = [
            "c",
            "--repo",
            &repo,
            "--verify",
            "--keyring",
            &source_text(&keyring),
        ];
        if let Some(theirs) = place.theirs("a repository", &arguments) {
            assert_eq!(theirs, expected);
        }
    };
    let missing = format!("failed to fetch provenance \"{repo}/charts/c-1.0.0.tgz.prov\"");
    both(Err(missing.clone())).await;
    server.put(
        "/r/charts/c-1.0.0.tgz.prov",
        &sign(&message(), &stranger().primary_key),
    );
    both(Err("openpgp: signature made by unknown entity".to_owned())).await;
    server.put(
        "/r/charts/c-1.0.0.tgz.prov",
        place.read("c-1.0.0.tgz.prov").as_bytes(),
    );
    both(Ok(())).await;
}

#[tokio::test]
async fn a_broken_repository_does_not_stop_a_verified_chart() {
    let (place, server) = (Place::new(), Server::start());
    let listing = |digest: &str| {
        format!(
            "apiVersion: v1\nentries:\n  c:\n  - {{name: c, version: 1.0.0, digest: {digest}, urls: [c-1.0.0.tgz]}}\n"
        )
    };
    server.put("/index.yaml", listing(&sum(&archive())).as_bytes());
    server.put("/c-1.0.0.tgz", &archive());
    server.put("/c-1.0.0.tgz.prov", place.read("c-1.0.0.tgz.prov").as_bytes());
    let mut source = ChartSource {
        name: "c".to_owned(),
        repo: Some(format!("http://{}", server.base)),
        keyring: Some(place.path("pubring.gpg")),
        ..ChartSource::default()
    };
    let (cache, unsigned) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    source.fetch(cache.path()).await.unwrap();
    let unverified = ChartSource {
        keyring: None,
        ..source.clone()
    };
    unverified.fetch(unsigned.path()).await.unwrap();
    *server.broken.lock().unwrap() = true;
    source.fetch(cache.path()).await.unwrap();
    let error = source.fetch(unsigned.path()).await.unwrap_err();
    assert!(
        error.is_transient() && matches!(error, SourceError::Provenance(_)),
        "{error}"
    );
    // What is kept is verified like what comes.
    place.write("stranger.gpg", &public(stranger()));
    source.keyring = Some(place.path("stranger.gpg"));
    let error = source.fetch(cache.path()).await.unwrap_err();
    assert_eq!(error.to_string(), "openpgp: signature made by unknown entity");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn archives_in_a_registry() {
    let (place, server) = (Place::new(), Server::start());
    let blob = |bytes: &[u8]| {
        server.put(&format!("/v2/r/c/blobs/sha256:{}", sum(bytes)), bytes);
        format!("\"digest\": \"sha256:{}\", \"size\": {}", sum(bytes), bytes.len())
    };
    let chart = blob(&archive());
    let layers = |provenance: Option<&[u8]>| {
        let helm = "application/vnd.cncf.helm.chart";
        let provenance = provenance.map_or_else(String::new, |bytes| {
            format!(
                ", {{\"mediaType\": \"{helm}.provenance.v1.prov\", {}}}",
                blob(bytes)
            )
        });
        let manifest = format!(
            "{{\"layers\": [{{\"mediaType\": \"{helm}.content.v1.tar+gzip\", {chart}}}{provenance}]}}"
        );
        server.put("/v2/r/c/manifests/1.0.0", manifest.as_bytes());
    };
    let source = || ChartSource {
        name: format!("oci://{}/r/c", server.base),
        version: Some("1.0.0".to_owned()),
        keyring: Some(place.path("pubring.gpg")),
        ..ChartSource::default()
    };
    layers(None);
    let missing = format!(
        "failed to fetch provenance \"oci://{}/r/c:1.0.0.prov\"",
        server.base
    );
    assert_eq!(place.ours(source()).await, Err(missing));
    layers(Some(&sign(&message(), &stranger().primary_key)));
    let unknown = "openpgp: signature made by unknown entity".to_owned();
    assert_eq!(place.ours(source()).await, Err(unknown));
    layers(Some(place.read("c-1.0.0.tgz.prov").as_bytes()));
    assert_eq!(place.ours(source()).await, Ok(()));
}
