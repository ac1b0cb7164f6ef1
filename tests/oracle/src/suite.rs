//! Counting cases, and what must hold at the end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::load::is_fresh;

/// How one case ended.
#[derive(Debug)]
pub enum Verdict {
    /// As in Python.
    Equal,
    /// Otherwise, by these entries of the kind's file of differences.
    Differs(Vec<&'static str>),
    /// Otherwise, and nothing says why.
    Wrong(String),
}

/// One kind of case.
#[derive(Debug)]
pub struct Suite {
    kind: &'static str,
    known: Vec<&'static str>,
    used: BTreeSet<&'static str>,
    cases: usize,
    equal: usize,
    differ: usize,
    wrong: Vec<(String, String)>,
    only: Option<Regex>,
    skipped: usize,
}

impl Suite {
    /// A suite whose rules for differences bear these names, in the order of the file. `ORACLE_ONLY`, a regular
    /// expression for names of cases, is for people who look into some.
    pub fn new(kind: &'static str, known: Vec<&'static str>) -> Self {
        let only = std::env::var("ORACLE_ONLY")
            .ok()
            .map(|only| Regex::new(&only).expect("ORACLE_ONLY"));
        Self {
            kind,
            known,
            used: BTreeSet::new(),
            cases: 0,
            equal: 0,
            differ: 0,
            wrong: Vec::new(),
            only,
            skipped: 0,
        }
    }

    /// Whether a case is wanted.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.is_match(name))
    }

    /// Whether people run some cases only.
    pub fn is_part(&self) -> bool {
        self.only.is_some()
    }

    /// Counts a case that cannot be run here; what it needs has said so.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Whether all of the repository's cases were run.
    fn is_whole(&self) -> bool {
        !is_fresh() && self.only.is_none() && self.skipped == 0
    }

    /// Counts a case.
    pub fn count(&mut self, name: &str, verdict: Verdict) {
        self.cases += 1;
        match verdict {
            Verdict::Equal => self.equal += 1,
            Verdict::Differs(rules) => {
                self.differ += 1;
                self.used.extend(rules);
            }
            Verdict::Wrong(why) => self.wrong.push((name.to_owned(), why)),
        }
    }

    /// Prints the line of the kind.
    ///
    /// # Panics
    /// If a case is wrong; if the file of differences and the rules do not name the same; if a difference of the
    /// repository's cases does not occur any more.
    pub fn end(self) {
        // Through the handle, so that it is seen of suites that pass as well.
        let _ = writeln!(
            std::io::stdout(),
            "{}: {} cases, {} equal, {} differ on purpose, {} wrong{}",
            self.kind,
            self.cases,
            self.equal,
            self.differ,
            self.wrong.len(),
            match self.skipped {
                0 => String::new(),
                skipped => format!(", {skipped} SKIPPED"),
            }
        );
        self.judge_wrong_ones();
        let listed = differences(self.kind);
        assert_eq!(listed, self.known, "the file and the rules name the same");
        if self.is_whole() {
            let idle: Vec<_> = self.known.iter().filter(|id| !self.used.contains(*id)).collect();
            assert!(idle.is_empty(), "differences that no longer differ: {idle:?}");
        }
    }
}

impl Suite {
    /// What is wrong must be in the list of what is known to be wrong, and the reverse.
    fn judge_wrong_ones(&self) {
        let open = open(self.kind);
        let news: Vec<String> = self
            .wrong
            .iter()
            .filter(|(name, _)| !open.contains(name))
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        assert!(news.is_empty(), "{}", news.join("\n"));
        let is_wrong = |name: &&String| self.wrong.iter().any(|(wrong, _)| wrong == *name);
        if self.is_whole() {
            let mended: Vec<&String> = open.iter().filter(|name| !is_wrong(name)).collect();
            assert!(
                mended.is_empty(),
                "no longer wrong, to be taken off the list: {mended:?}"
            );
        }
    }
}

/// Names of the cases that are known to be wrong and not mended yet.
fn open(kind: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("open")
        .join(format!("{kind}.json"));
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        Err(_) => Vec::new(),
    }
}

/// Names of the differences on purpose, in the file's order.
fn differences(kind: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("differences")
        .join(format!("{kind}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let listed: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = |entry: &Value| {
        for field in ["id", "cases", "instead", "why"] {
            assert!(
                entry[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field} of {entry}"
            );
        }
        entry["id"].as_str().expect("an id").to_owned()
    };
    listed.iter().map(name).collect()
}
