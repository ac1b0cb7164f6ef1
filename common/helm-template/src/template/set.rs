//! The set of templates that can call one another.

use super::cache;
use super::node::Template;
use super::parse::parse;
use foldhash::fast::RandomState;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Templates by name; a `tpl` call adds its own over those of its caller.
#[derive(Default)]
pub(crate) struct Set {
    parent: Option<Rc<Set>>,
    own: RefCell<HashMap<Arc<str>, Arc<Template>, RandomState>>,
}

impl Set {
    /// A set in which new definitions do not reach `parent`.
    pub fn over(parent: &Rc<Set>) -> Rc<Self> {
        Rc::new(Self {
            parent: Some(parent.clone()),
            own: RefCell::default(),
        })
    }

    pub fn get(&self, name: &str) -> Option<Arc<Template>> {
        let mut set = self;
        loop {
            if let Some(found) = set.own.borrow().get(name) {
                return Some(found.clone());
            }
            set = set.parent.as_deref()?;
        }
    }

    /// Parses `text` as template `name`, adds what it defines, and gives the
    /// template of that name. A blank definition does not replace another.
    pub fn parse(&self, name: &str, text: &str) -> Result<Arc<Template>, String> {
        let templates = parse(name, text, &crate::functions::exists)?;
        self.define(name, templates.into_iter().map(Arc::new))
    }

    /// As [`Set::parse`], for a file of a chart: what was parsed before is not parsed again.
    pub fn parse_file(&self, name: &str, text: &Arc<[u8]>) -> Result<Arc<Template>, String> {
        let templates = cache::parsed(name, text, || {
            let text = String::from_utf8_lossy(text);
            parse(name, &text, &crate::functions::exists)
        })?;
        self.define(name, templates.iter().cloned())
    }

    fn define(
        &self,
        name: &str,
        templates: impl Iterator<Item = Arc<Template>>,
    ) -> Result<Arc<Template>, String> {
        let mut main = None;
        for template in templates {
            if &*template.name == name {
                main = Some(template.clone());
            }
            if template.root.is_blank() && self.get(&template.name).is_some() {
                continue;
            }
            self.own.borrow_mut().insert(template.name.clone(), template);
        }
        main.ok_or_else(|| format!("template: {name}: no such template"))
    }
}
