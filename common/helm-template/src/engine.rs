//! Renders a chart: contexts, order, and the errors as Helm words them.

use crate::buffers::Buffers;
use crate::context;
use crate::methods;
use crate::template::exec::{self, Fault};
use crate::template::set::Set;
use crate::value::{Entries, MapKind, Value, unravel};
use crate::yaml::YamlRead;
use crate::{Capabilities, Limits, Lookup, NoLookup, ReleaseInfo, RenderChart, RenderError};
use foldhash::fast::RandomState;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// What `fail` and `required` put around their message, to be found again.
pub(crate) const ERROR_START: &str = "HELM_ERR_START";
pub(crate) const ERROR_END: &str = "HELM_ERR_END";

/// How often one template name may be on the `include` stack, as in Helm.
pub(crate) const MAX_RECURSION: usize = 1000;

/// One call of [`render`]: what functions need, and how much was used up.
pub(crate) struct Session<'s> {
    pub lookup: &'s dyn Lookup,
    pub limits: &'s Limits,
    pub included: RefCell<HashMap<Arc<str>, usize, RandomState>>,
    pub regexes: RefCell<HashMap<Arc<str>, crate::functions::regexes::Pattern>>,
    pub read: YamlRead,
    /// Text is collected in them.
    pub buffers: Buffers,
    deadline: Option<Instant>,
    depth: Cell<usize>,
    produced: Cell<usize>,
    ticks: Cell<u32>,
}

/// Gives back one level of nesting when a template ends.
pub(crate) struct Deeper<'d>(&'d Cell<usize>);

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<'s> Session<'s> {
    fn new(lookup: &'s dyn Lookup, limits: &'s Limits) -> Self {
        Self {
            lookup,
            limits,
            included: RefCell::default(),
            regexes: RefCell::default(),
            read: YamlRead::default(),
            buffers: Buffers::default(),
            deadline: Instant::now().checked_add(limits.time),
            depth: Cell::new(0),
            produced: Cell::new(0),
            ticks: Cell::new(0),
        }
    }

    pub fn enter(&self, template: &str) -> Result<Deeper<'_>, Fault> {
        if self.depth.get() >= self.limits.depth {
            return Err(limit(
                template,
                format!("more than {} nested templates", self.limits.depth),
            ));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Deeper(&self.depth))
    }

    /// Counts text that a template produced.
    pub fn produced(&self, template: &str, bytes: usize) -> Result<(), Fault> {
        self.produced.set(self.produced.get().saturating_add(bytes));
        self.check(template, 0)
    }

    /// Fails when time or output, `pending` bytes included, exceed the limits.
    pub fn check(&self, template: &str, pending: usize) -> Result<(), Fault> {
        if self.produced.get().saturating_add(pending) > self.limits.output_bytes {
            return Err(limit(
                template,
                format!("more than {} bytes of output", self.limits.output_bytes),
            ));
        }
        // Asking for the time is dear; every 64th step will do.
        self.ticks.set(self.ticks.get().wrapping_add(1));
        if self.ticks.get().is_multiple_of(64)
            && self.deadline.is_some_and(|deadline| Instant::now() > deadline)
        {
            return Err(limit(
                template,
                format!("took longer than {:?}", self.limits.time),
            ));
        }
        Ok(())
    }

    /// A function may not build a string beyond the output limit.
    pub fn check_size(&self, bytes: usize) -> Result<(), Fault> {
        self.check("a function's result", bytes)
    }
}

fn limit(template: &str, what: String) -> Fault {
    Fault::Limit(Box::new(format!("{template}\0{what}")))
}

struct Renderable {
    /// UTF-8.
    text: Arc<[u8]>,
    data: Value,
    base_path: String,
}

pub(crate) fn render(
    chart: &RenderChart,
    values: &Value,
    release: &ReleaseInfo,
    capabilities: &Capabilities,
    lookup: &dyn Lookup,
    limits: &Limits,
) -> Result<BTreeMap<String, String>, RenderError> {
    let entries = values.as_map().map(|map| map.entries.take()).unwrap_or_default();
    let values = Value::map_of(MapKind::Values, entries);
    let release = context::release(release);
    let capabilities = context::capabilities(capabilities);
    let mut renderables = BTreeMap::new();
    let top = gather(chart, true, values, &release, &capabilities, &mut renderables)?;
    let session = Session::new(lookup, limits);
    let rendered = render_all(&session, &renderables);
    drop(renderables);
    unravel(top);
    rendered
}

/// Parses a template without running it.
pub(crate) fn check(name: &str, text: &str) -> Result<(), RenderError> {
    match Set::default().parse(name, text) {
        Ok(_) => Ok(()),
        Err(message) => Err(RenderError::Parse(parse_error(name, &message))),
    }
}

/// Runs a template that stands alone.
pub(crate) fn text(name: &str, text: &str, limits: &Limits) -> Result<String, RenderError> {
    let set = Rc::new(Set::default());
    let template = set.parse(name, text).map_err(RenderError::Parse)?;
    let session = Session::new(&NoLookup, limits);
    let done = exec::execute(&session, &set, &template, &Value::Nil, |bytes| {
        String::from_utf8_lossy(bytes).into_owned()
    });
    done.map_err(|fault| match fault {
        // Here nothing looks for the marks.
        Fault::Exec(text) | Fault::Plain(text) => {
            RenderError::Execute(text.replace(ERROR_START, "").replace(ERROR_END, ""))
        }
        Fault::Limit(text) => RenderError::Limit {
            template: name.to_owned(),
            what: text.rsplit('\0').next().unwrap_or(&text).to_owned(),
        },
    })
}

/// Builds the context of `chart` and its dependencies, and lists their
/// templates. A dependency's `.Values` is the map under its name in its
/// parent's, so that changes by `set` and `merge` are seen by both.
fn gather(
    chart: &RenderChart,
    is_root: bool,
    values: Value,
    release: &Value,
    capabilities: &Value,
    renderables: &mut BTreeMap<String, Renderable>,
) -> Result<Value, RenderError> {
    let mut subcharts = Entries::new();
    for child in &chart.dependencies {
        let child_values = methods::table_at(&values, &child.name)
            .unwrap_or_else(|_| Value::map_of(MapKind::Values, Entries::new()));
        share_globals(&values, &child_values);
        let child_context = gather(child, false, child_values, release, capabilities, renderables)?;
        subcharts.insert(child.name.as_str().into(), child_context);
    }
    let data = Value::map(Entries::from([
        ("Chart".into(), context::chart(chart, is_root)),
        ("Files".into(), context::files(chart)),
        ("Release".into(), release.clone()),
        ("Capabilities".into(), capabilities.clone()),
        ("Values".into(), values),
        ("Subcharts".into(), Value::map(subcharts)),
    ]));
    // A template is given what its parents' templates see under `.Subcharts`, but as values.
    let seen = data.map_as(MapKind::Values);
    for (name, text) in &chart.templates {
        let base = name.rsplit('/').next().unwrap_or(name);
        if chart.is_library && !base.starts_with('_') {
            continue;
        }
        let full = format!("{}/{name}", chart.path);
        if std::str::from_utf8(text).is_err() {
            return Err(RenderError::NotText { name: full });
        }
        let base_path = format!("{}/templates", chart.path);
        renderables.insert(
            full,
            Renderable {
                text: text.clone(),
                data: seen.clone(),
                base_path,
            },
        );
    }
    Ok(data)
}

/// A child has a copy of each global table of its parent, but what stands in those tables is the same in
/// Go: a change of one is seen by the other.
fn share_globals(parent: &Value, child: &Value) {
    let globals = |values: &Value| values.as_map()?.get("global")?.as_map().cloned();
    let (Some(parent), Some(child)) = (globals(parent), globals(child)) else {
        return;
    };
    for (key, value) in parent.entries.borrow().iter() {
        match (value, child.get(key)) {
            (Value::Map(table), Some(Value::Map(copy))) => {
                let shared = table.entries.borrow();
                let nested = shared
                    .iter()
                    .filter(|(_, value)| matches!(value, Value::Map(_) | Value::List(_)));
                for (name, value) in nested {
                    if copy.get(name).is_some() {
                        copy.insert(name.clone(), value.clone());
                    }
                }
            }
            (Value::List(_), Some(Value::List(_))) => child.insert(key.clone(), value.clone()),
            _ => {}
        }
    }
}

fn render_all(
    session: &Session<'_>,
    renderables: &BTreeMap<String, Renderable>,
) -> Result<BTreeMap<String, String>, RenderError> {
    // Deepest path first, so that a parent's definition wins; else backwards.
    let mut order: Vec<&String> = renderables.keys().collect();
    order.sort_by_key(|name| std::cmp::Reverse((name.matches('/').count(), name.as_str())));
    let set = Rc::new(Set::default());
    for name in &order {
        if let Err(message) = set.parse_file(name, &renderables[*name].text) {
            return Err(RenderError::Parse(parse_error(name, &message)));
        }
    }
    let mut rendered = BTreeMap::new();
    for name in order {
        if name.rsplit('/').next().unwrap_or(name).starts_with('_') {
            continue;
        }
        let item = &renderables[name];
        if let Some(map) = item.data.as_map() {
            let template = Entries::from([
                ("Name".into(), Value::str(name.as_str())),
                ("BasePath".into(), Value::str(item.base_path.as_str())),
            ]);
            map.insert("Template", Value::map_of(MapKind::Values, template));
        }
        let text = render_one(session, &set, name, &item.data)?;
        rendered.insert(name.clone(), text);
    }
    Ok(rendered)
}

fn render_one(session: &Session<'_>, set: &Rc<Set>, name: &str, data: &Value) -> Result<String, RenderError> {
    let Some(template) = set.get(name) else {
        return Err(RenderError::Execute(format!(
            "template: no template {name:?} associated with template \"gotpl\""
        )));
    };
    match exec::execute(session, set, &template, data, |bytes| {
        String::from_utf8_lossy(bytes).into_owned()
    }) {
        Ok(text) => Ok(strip_no_value(text)),
        Err(Fault::Limit(text)) => {
            let (template, what) = text.split_once('\0').unwrap_or((name, &text));
            Err(RenderError::Limit {
                template: template.into(),
                what: what.into(),
            })
        }
        Err(Fault::Exec(text)) => Err(RenderError::Execute(exec_error(name, *text))),
        // A panic in Go's executor itself, of which no function made an error.
        Err(Fault::Plain(text)) => Err(RenderError::Execute(format!("rendering template failed: {text}"))),
    }
}

/// Helm takes every `<no value>` out of what it rendered.
pub(crate) fn strip_no_value(text: String) -> String {
    if text.contains("<no value>") {
        text.replace("<no value>", "")
    } else {
        text
    }
}

/// Helm's wording of a parse error (`cleanupParseError`).
fn parse_error(file: &str, message: &str) -> String {
    let tokens: Vec<&str> = message.split(": ").collect();
    match tokens.as_slice() {
        [_, location, .., last] | [_, location @ last] => format!("parse error at ({location}): {last}"),
        _ => format!("parse error in ({file}): {message}"),
    }
}

/// Helm's wording of an execution error (`cleanupExecError`): what `fail` and
/// `required` say stands alone.
fn exec_error(file: &str, message: String) -> String {
    let mut tokens = message.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {message}");
    };
    // The longest text between the first start and the last end marker.
    if let (Some(start), Some(end)) = (rest.find(ERROR_START), rest.rfind(ERROR_END))
        && start + ERROR_START.len() <= end
    {
        return format!(
            "execution error at ({location}): {}",
            &rest[start + ERROR_START.len()..end]
        );
    }
    message
}
