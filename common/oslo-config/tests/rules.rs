//! The rules of oslo.config, each seen with oslo.config 10.7 itself.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests")]

use std::path::PathBuf;

use indexmap::IndexMap;
use oslo_config::{Error, FindingKind, Loaded, MultiString, Section, SectionDef, section};
use secrecy::{ExposeSecret, SecretString};

section! {
    /// Group under test.
    pub struct Default_("DEFAULT") {
        /// Text.
        pub host: String = "localhost".into();
        /// Refers to another option.
        pub state_path: String = "/var/lib/$host".into();
        /// Integer.
        pub workers: i64 = 4, deprecated("", "old-workers"), min(1), max(64);
    }
}

section! {
    /// Group under test.
    pub struct Database("database") {
        /// Secret.
        pub connection: Option<SecretString> = None, deprecated("DEFAULT", "sql_connection");
        /// Text.
        pub path: String = String::new();
        /// Float.
        pub ratio: f64 = 0.5;
        /// Boolean.
        pub debug: bool = false;
        /// Choice.
        pub policy: String = "keep".into(), choices("keep", "drop");
        /// List.
        pub items: Vec<String> = vec!["x".into()];
        /// Dict.
        pub pairs: IndexMap<String, String> = IndexMap::new();
        /// Repeated.
        pub driver: MultiString = MultiString::default();
    }
}

fn sections() -> Vec<Section> {
    vec![Default_::section(), Database::section()]
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self { dir }
    }

    fn load(&self, files: &[&str], dirs: &[&str]) -> Result<Loaded, Error> {
        let paths = |names: &[&str]| {
            names
                .iter()
                .map(|n| self.dir.path().join(n))
                .collect::<Vec<PathBuf>>()
        };
        oslo_config::load(&paths(files), &paths(dirs), sections())
    }
}

fn load(text: &str) -> Result<Loaded, Error> {
    Files::new(&[("a.conf", text)]).load(&["a.conf"], &[])
}

fn read(text: &str) -> (Default_, Database) {
    let loaded = load(text).unwrap();
    (
        oslo_config::section(&loaded.config).unwrap(),
        oslo_config::section(&loaded.config).unwrap(),
    )
}

fn error(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn nothing_set_means_defaults() {
    let (default, database) = read("");
    assert_eq!(default.workers, 4);
    assert_eq!(database.items, ["x"]);
    assert!(database.connection.is_none());
}

#[test]
fn both_separators_comments_quotes_and_blank_lines() {
    let (default, database) = read(
        "# comment\n; comment\n[DEFAULT]\nhost: a=b\nworkers=7   \n\n[database]\npath = \"quoted \"\npolicy='drop'\n",
    );
    assert_eq!(default.host, "a=b");
    assert_eq!(default.workers, 7);
    assert_eq!(database.path, "quoted ");
    assert_eq!(database.policy, "drop");
}

#[test]
fn continuation_lines_are_joined_by_line_feeds() {
    let (_, database) = read("[database]\npath = one\n  two\n\tthree\nitems =\n  a,\n  b\n");
    assert_eq!(database.path, "one\ntwo\nthree");
    assert_eq!(database.items, ["a", "b"]);
}

#[test]
fn a_comment_or_blank_line_ends_a_value() {
    for text in [
        "[database]\npath = one\n# c\n two\n",
        "[database]\npath = one\n\n two\n",
    ] {
        assert!(
            error(text).ends_with("a.conf:4: continuation line without an option before it"),
            "{}",
            error(text)
        );
    }
}

#[test]
fn types_as_oslo_reads_them() {
    let (default, database) = read(
        "[DEFAULT]\nworkers =\n[database]\nratio = 1e1\ndebug = On\nitems = a, b ,,c,,\npairs = k:v:w, l : m\n",
    );
    assert_eq!(default.workers, 4, "an empty integer is unset");
    assert!((database.ratio - 10.0).abs() < f64::EPSILON);
    assert!(database.debug);
    assert_eq!(database.items, ["a", "b", "", "c"]);
    assert_eq!(database.pairs["k"], "v:w");
    assert_eq!(database.pairs["l"], "m");
}

#[test]
fn substitution_within_a_group_from_default_and_by_group() {
    let (default, database) = read(
        "[DEFAULT]\nhost = h\n[database]\npath = $policy ${host} $DEFAULT.host ${database.policy}x $$1 \\$2 $3 100$\n",
    );
    assert_eq!(database.path, "keep h h keepx $1 $2 $3 100$");
    assert_eq!(default.state_path, "/var/lib/h", "defaults refer to options, too");
}

#[test]
fn substitution_reaches_through_defaults() {
    let (_, database) = read("[DEFAULT]\nhost = h\n[database]\npath = $state_path/magnum\n");
    assert_eq!(database.path, "/var/lib/h/magnum");
}

#[test]
fn a_reference_to_nothing_or_to_itself_is_an_error_without_the_value() {
    let message = error("[database]\nconnection = mysql://u:pa$word@h/\n");
    assert!(
        message.contains("a.conf:2: [database] connection: $word names no option (write $$"),
        "{message}"
    );
    assert!(!message.contains("mysql"), "{message}");
    assert!(error("[database]\npath = $policy\npolicy = $path\n").contains("refers to itself"));
}

#[test]
fn later_files_win_and_directories_come_last_in_order_of_names() {
    let files = Files::new(&[
        (
            "a.conf",
            "[DEFAULT]\nhost = a\n[database]\ndriver = one\ndriver = two\n",
        ),
        ("b.conf", "[DEFAULT]\nhost = b1\nhost = b2\nworkers = 2\n"),
        ("d/20.conf", "[DEFAULT]\nworkers = 20\n"),
        (
            "d/10.conf",
            "[DEFAULT]\nworkers = 10\n[database]\ndriver = three\n",
        ),
        ("d/.hidden.conf", "not ini"),
        ("d/30.txt", "not ini"),
    ]);
    let loaded = files.load(&["a.conf", "b.conf"], &["d"]).unwrap();
    let default: Default_ = oslo_config::section(&loaded.config).unwrap();
    let database: Database = oslo_config::section(&loaded.config).unwrap();
    assert_eq!(default.host, "b2");
    assert_eq!(default.workers, 20);
    assert_eq!(database.driver.0, ["one", "two", "three"]);
}

#[test]
fn deprecated_names_are_read_and_reported() {
    let loaded = load("[DEFAULT]\nsql_connection = mysql://x\nold-workers = 5\n").unwrap();
    let default: Default_ = oslo_config::section(&loaded.config).unwrap();
    let database: Database = oslo_config::section(&loaded.config).unwrap();
    assert_eq!(default.workers, 5);
    assert_eq!(database.connection.unwrap().expose_secret(), "mysql://x");
    let texts: Vec<_> = loaded.findings.iter().map(ToString::to_string).collect();
    assert!(
        texts[0].ends_with("a.conf:2: [DEFAULT] sql_connection: deprecated name, use [database] connection")
    );
    assert!(texts[1].ends_with("a.conf:3: [DEFAULT] old-workers: deprecated name, use [DEFAULT] workers"));
}

#[test]
fn the_new_name_wins_in_one_file_but_a_later_file_wins_over_it() {
    assert_eq!(read("[DEFAULT]\nold-workers = 5\nworkers = 6\n").0.workers, 6);
    let files = Files::new(&[
        ("a", "[DEFAULT]\nworkers = 6\n"),
        ("b", "[DEFAULT]\nold-workers = 5\n"),
    ]);
    let loaded = files.load(&["a", "b"], &[]).unwrap();
    assert_eq!(
        oslo_config::section::<Default_>(&loaded.config).unwrap().workers,
        5
    );
}

#[test]
fn groups_ignore_case_and_what_is_unknown_is_reported() {
    let loaded = load("[Database]\npath = p\npaht = p\n[other]\nx = 1\n").unwrap();
    assert_eq!(
        oslo_config::section::<Database>(&loaded.config).unwrap().path,
        "p"
    );
    let kinds: Vec<_> = loaded
        .findings
        .iter()
        .map(|f| (f.option.as_str(), f.kind.clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("paht", FindingKind::UnknownOption),
            ("x", FindingKind::UnknownGroup)
        ]
    );
}

#[test]
fn bad_values_name_file_line_group_and_option() {
    for (text, expected) in [
        (
            "[DEFAULT]\nworkers = many\n",
            "a.conf:2: [DEFAULT] workers: not an integer",
        ),
        (
            "[DEFAULT]\nworkers = 65\n",
            "a.conf:2: [DEFAULT] workers: must be at most 64",
        ),
        (
            "[DEFAULT]\nworkers = 0\n",
            "a.conf:2: [DEFAULT] workers: must be at least 1",
        ),
        (
            "[database]\nratio = x\n",
            "a.conf:2: [database] ratio: not a number",
        ),
        (
            "[database]\ndebug = maybe\n",
            "a.conf:2: [database] debug: not a boolean",
        ),
        (
            "[database]\npolicy = Keep\n",
            "a.conf:2: [database] policy: must be one of keep, drop",
        ),
        (
            "[database]\npairs = a\n",
            "a.conf:2: [database] pairs: not a list of NAME:VALUE pairs",
        ),
        ("[DEFAULT\n", "a.conf:1: section header must end with ]"),
        ("[]\n", "a.conf:1: empty section name"),
        ("x = 1\n", "a.conf:1: option before the first [section]"),
        ("[DEFAULT]\nnothing\n", "a.conf:2: no '=' or ':' in this line"),
        ("[DEFAULT]\n = 1\n", "continuation line"),
        ("[DEFAULT]\n: 1\n", "a.conf:2: option name is empty"),
    ] {
        let message = error(text);
        assert!(message.contains(expected), "{text:?} gave {message:?}");
    }
}

#[test]
fn missing_files_and_directories_are_named() {
    let files = Files::new(&[]);
    assert!(
        matches!(files.load(&["none"], &[]).unwrap_err(), Error::Unreadable { path, .. } if path.ends_with("none"))
    );
    assert!(
        matches!(files.load(&[], &["none"]).unwrap_err(), Error::UnreadableDir { path, .. } if path.ends_with("none"))
    );
}
