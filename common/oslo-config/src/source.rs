//! Files on disk to a [`config::Source`].

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use config::{ConfigError, Map, Source, Value, ValueKind};

use crate::Error;
use crate::ini::{self, Assignment};
use crate::schema::{Kind, Opt, Section};
use crate::{substitute, value};

/// Something in a file that an operator should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `file:line`.
    pub origin: String,
    /// Group as written (lower case, except `DEFAULT`).
    pub group: String,
    /// Option as written.
    pub option: String,
    /// What it is about.
    pub kind: FindingKind,
}

/// Why an assignment is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The group is known, the option is not: often a misspelling.
    UnknownOption,
    /// Nothing in this group is read, as is usual where one file serves several programs.
    UnknownGroup,
    /// An old name; the new one is given as `[group] option`.
    Deprecated(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}] {}: ", self.origin, self.group, self.option)?;
        match &self.kind {
            FindingKind::UnknownOption => f.write_str("unknown option"),
            FindingKind::UnknownGroup => f.write_str("unknown group"),
            FindingKind::Deprecated(new) => write!(f, "deprecated name, use {new}"),
        }
    }
}

/// One file's assignments: `(group, option)` to texts with their lines, in order.
#[derive(Clone)]
struct ParsedFile {
    path: PathBuf,
    assignments: Vec<Assignment>,
    index: HashMap<(String, String), Vec<usize>>,
}

/// Configuration files read by oslo.config's rules against declared sections.
///
/// Later files win; for options that may be repeated, all files count. Does not show values in `Debug`.
#[derive(Clone)]
pub struct OsloSource {
    files: Vec<ParsedFile>,
    sections: Vec<Section>,
}

impl fmt::Debug for OsloSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.files.iter().map(|file| &file.path))
            .finish()
    }
}

/// Where the value of an option was found.
struct Found<'a> {
    assignment: &'a Assignment,
    path: &'a Path,
}

impl Found<'_> {
    fn origin(&self) -> String {
        format!("{}:{}", self.path.display(), self.assignment.line)
    }
}

impl OsloSource {
    /// Reads `files` in order, then the `*.conf` of each of `dirs` in order of their names.
    ///
    /// # Errors
    /// A file or directory that cannot be read, or text that is not INI. Values are looked at later, by
    /// [`Source::collect`].
    pub fn read(files: &[PathBuf], dirs: &[PathBuf], sections: Vec<Section>) -> Result<Self, Error> {
        let mut paths = files.to_vec();
        for dir in dirs {
            paths.extend(conf_files(dir)?);
        }
        let files = paths
            .into_iter()
            .map(ParsedFile::read)
            .collect::<Result<_, _>>()?;
        Ok(Self { files, sections })
    }

    /// The same files read against other sections.
    #[must_use]
    pub fn with_sections(&self, sections: Vec<Section>) -> Self {
        Self {
            files: self.files.clone(),
            sections,
        }
    }

    /// Typed values of every option that is set, per group.
    ///
    /// # Errors
    /// The first value that does not fit its option.
    pub fn values(&self) -> Result<Map<String, Map<String, Value>>, Error> {
        let mut groups: Map<String, Map<String, Value>> = Map::new();
        for section in &self.sections {
            let group = groups.entry(section.name.clone()).or_default();
            for opt in &section.options {
                if let Some(value) = self.value(section, opt)? {
                    group.entry(opt.name.to_owned()).or_insert(value);
                }
            }
        }
        Ok(groups)
    }

    /// What in the files is not read, or is read by an old name. In order of files and lines.
    pub fn findings(&self) -> Vec<Finding> {
        let mut known: HashMap<(&str, &str), Option<String>> = HashMap::new();
        for section in &self.sections {
            for opt in &section.options {
                for (group, name) in deprecated_names(section, opt) {
                    known
                        .entry((group, name))
                        .or_insert_with(|| Some(format!("[{}] {}", section.name, opt.name)));
                }
            }
        }
        for section in &self.sections {
            for opt in &section.options {
                known.insert((&section.name, opt.name), None);
            }
        }
        let groups: HashSet<&str> = self.sections.iter().map(|s| s.name.as_str()).collect();
        let mut findings = Vec::new();
        for file in &self.files {
            for a in &file.assignments {
                let kind = match known.get(&(a.group.as_str(), a.key.as_str())) {
                    Some(None) => continue,
                    Some(Some(new)) => FindingKind::Deprecated(new.clone()),
                    None if groups.contains(a.group.as_str()) => FindingKind::UnknownOption,
                    None => FindingKind::UnknownGroup,
                };
                let origin = Found {
                    assignment: a,
                    path: &file.path,
                }
                .origin();
                findings.push(Finding {
                    origin,
                    group: a.group.clone(),
                    option: a.key.clone(),
                    kind,
                });
            }
        }
        findings
    }

    fn value(&self, section: &Section, opt: &Opt) -> Result<Option<Value>, Error> {
        let found = self.find(section, opt);
        let Some(last) = found.last() else {
            return self.default_value(section, opt);
        };
        let origin = last.origin();
        let mut texts = Vec::with_capacity(found.len());
        for item in &found {
            let mut stack = vec![(section.name.clone(), opt.name.to_owned())];
            let expanded = self.expand(&section.name, &item.assignment.value, &mut stack);
            texts.push(expanded.map_err(|reason| Error::Substitution {
                origin: item.origin(),
                group: section.name.clone(),
                option: opt.name.to_owned(),
                reason,
            })?);
        }
        value::convert(opt, &texts, &origin).map_err(|reason| Error::Value {
            origin,
            group: section.name.clone(),
            option: opt.name.to_owned(),
            reason,
        })
    }

    /// The default, where it refers to other options; any other default is the struct's to give.
    fn default_value(&self, section: &Section, opt: &Opt) -> Result<Option<Value>, Error> {
        let Some(text) = opt.default_text.as_ref().filter(|text| text.contains('$')) else {
            return Ok(None);
        };
        let mut stack = vec![(section.name.clone(), opt.name.to_owned())];
        let origin = "default".to_owned();
        let fail = |reason| Error::Substitution {
            origin: origin.clone(),
            group: section.name.clone(),
            option: opt.name.to_owned(),
            reason,
        };
        let expanded = self.expand(&section.name, text, &mut stack).map_err(fail)?;
        value::convert(opt, &[expanded], &origin).map_err(fail)
    }

    /// Assignments that make up an option: the last one of the last file that has it under its own or, failing
    /// that, an old name; for options that may be repeated, all.
    fn find(&self, section: &Section, opt: &Opt) -> Vec<Found<'_>> {
        let mut names = vec![(section.name.clone(), opt.name.to_owned())];
        names.extend(deprecated_names(section, opt).map(|(g, n)| (ini::normalise_group(g), n.to_owned())));
        let mut found = Vec::new();
        for file in self.files.iter().rev() {
            for name in &names {
                let Some(lines) = file.index.get(name) else {
                    continue;
                };
                let mut here: Vec<_> = lines
                    .iter()
                    .map(|&i| Found {
                        assignment: &file.assignments[i],
                        path: &file.path,
                    })
                    .collect();
                if opt.kind != Kind::Multi {
                    return here.split_off(here.len() - 1);
                }
                here.append(&mut found);
                found = here;
            }
        }
        found
    }

    /// Substitutes references in `text`, which stands in `group`.
    fn expand(&self, group: &str, text: &str, stack: &mut Vec<(String, String)>) -> Result<String, String> {
        substitute::expand(text, |name| self.lookup(group, name, stack))
    }

    /// The text a reference stands for: an option of the named group, of the same group, or of `[DEFAULT]`.
    fn lookup(&self, group: &str, name: &str, stack: &mut Vec<(String, String)>) -> Result<String, String> {
        let candidates = match name.split_once('.') {
            Some((other, option)) => vec![(ini::normalise_group(other), option)],
            None if group == "DEFAULT" => vec![(group.to_owned(), name)],
            None => vec![(group.to_owned(), name), ("DEFAULT".to_owned(), name)],
        };
        for (group, option) in candidates {
            let key = (group.clone(), option.to_owned());
            let declared = self
                .sections
                .iter()
                .filter(|s| s.name == group)
                .find_map(|s| s.options.iter().find(|o| o.name == option).map(|o| (s, o)));
            let text = match declared {
                Some((section, opt)) => self
                    .find(section, opt)
                    .last()
                    .map(|found| found.assignment.value.clone())
                    .or_else(|| Some(opt.default_text.clone().unwrap_or_default())),
                // Not ours to type, but it is there.
                None => self.undeclared(&key),
            };
            let Some(text) = text else { continue };
            if stack.contains(&key) {
                return Err(format!("${name} refers to itself"));
            }
            stack.push(key);
            let expanded = self.expand(&group, &text, stack);
            stack.pop();
            return expanded;
        }
        Err(format!("${name} names no option"))
    }

    fn undeclared(&self, key: &(String, String)) -> Option<String> {
        self.files.iter().rev().find_map(|file| {
            let last = *file.index.get(key)?.last()?;
            Some(file.assignments[last].value.clone())
        })
    }
}

impl Source for OsloSource {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let groups = self
            .values()
            .map_err(|error| ConfigError::Foreign(Box::new(error)))?;
        Ok(groups
            .into_iter()
            .map(|(name, options)| (name, Value::new(None, ValueKind::Table(options))))
            .collect())
    }
}

impl ParsedFile {
    fn read(path: PathBuf) -> Result<Self, Error> {
        let text = std::fs::read_to_string(&path).map_err(|error| Error::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let assignments = ini::parse(&path, &text)?;
        let mut index: HashMap<(String, String), Vec<usize>> = HashMap::new();
        for (i, a) in assignments.iter().enumerate() {
            index.entry((a.group.clone(), a.key.clone())).or_default().push(i);
        }
        Ok(Self {
            path,
            assignments,
            index,
        })
    }
}

fn deprecated_names<'a>(
    section: &'a Section,
    opt: &'a Opt,
) -> impl Iterator<Item = (&'a str, &'static str)> + 'a {
    opt.deprecated.iter().map(|&(group, name)| {
        // An empty group stands for the option's own.
        (
            if group.is_empty() {
                section.name.as_str()
            } else {
                group
            },
            name,
        )
    })
}

fn conf_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |error: std::io::Error| Error::UnreadableDir {
        path: dir.to_owned(),
        reason: error.to_string(),
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        // As Python's glob("*.conf"), which leaves hidden files out.
        let visible = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.ends_with(".conf") && !name.starts_with('.'));
        if visible && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
