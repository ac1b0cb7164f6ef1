//! Which requests this process knows, so that a message that the broker delivers again is not worked on twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

/// Requests remembered after they were acknowledged. oslo.messaging remembers 16.
const REMEMBERED: usize = 8192;

/// What is known of a request.
pub(crate) enum Known<W> {
    /// Nothing: it is new, and now noted as being worked on.
    New,
    /// It is being worked on; the new delivery stands for the old one.
    Working(Arc<W>),
    /// It was acknowledged before.
    Done,
}

/// Requests by their `_unique_id`.
pub(crate) struct Ledger<W> {
    working: HashMap<String, Weak<W>>,
    done: HashMap<String, ()>,
    order: VecDeque<String>,
}

impl<W> Ledger<W> {
    pub(crate) fn new() -> Self {
        Self {
            working: HashMap::new(),
            done: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Looks a request up, and notes it if it is new.
    pub(crate) fn note(&mut self, id: &str, work: &Arc<W>) -> Known<W> {
        if self.done.contains_key(id) {
            return Known::Done;
        }
        if let Some(known) = self.working.get(id).and_then(Weak::upgrade) {
            return Known::Working(known);
        }
        self.working.insert(id.to_owned(), Arc::downgrade(work));
        Known::New
    }

    /// It is acknowledged.
    pub(crate) fn done(&mut self, id: &str) {
        self.working.remove(id);
        if self.done.insert(id.to_owned(), ()).is_none() {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.done.remove(&oldest);
            }
        }
    }

    /// It went back to the queue.
    pub(crate) fn forget(&mut self, id: &str) {
        self.working.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once_until_it_goes_back() {
        let mut ledger = Ledger::new();
        let work = Arc::new(());
        assert!(matches!(ledger.note("a", &work), Known::New));
        assert!(matches!(ledger.note("a", &work), Known::Working(_)));
        ledger.forget("a");
        assert!(matches!(ledger.note("a", &work), Known::New));
        ledger.done("a");
        assert!(matches!(ledger.note("a", &work), Known::Done));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut ledger = Ledger::new();
        let work = Arc::new(());
        for i in 0..=REMEMBERED {
            ledger.note(&i.to_string(), &work);
            ledger.done(&i.to_string());
        }
        assert!(
            matches!(ledger.note("0", &work), Known::New),
            "the oldest is forgotten"
        );
        assert!(matches!(ledger.note("1", &work), Known::Done));
        assert_eq!(ledger.done.len(), REMEMBERED);
    }
}
