//! Parsed templates, kept from one render to the next: an operator renders the same chart over and over.

use super::node::Template;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of template text that are kept parsed at most.
const MAX_BYTES: usize = 64 << 20;

/// What one file defines.
type Parsed = Arc<Vec<Arc<Template>>>;

struct Kept {
    text: Arc<[u8]>,
    parsed: Parsed,
    used: u64,
}

/// The files' templates by the file's name; several charts may have a file of that name.
#[derive(Default)]
struct Cache {
    files: HashMap<Arc<str>, Vec<Kept>>,
    bytes: usize,
    clock: u64,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);

/// The templates of a file, parsed by `parse` unless the same text was parsed under the same name before.
pub(super) fn parsed(
    name: &str,
    text: &Arc<[u8]>,
    parse: impl FnOnce() -> Result<Vec<Template>, String>,
) -> Result<Parsed, String> {
    if let Some(known) = with(|cache| cache.find(name, text)) {
        return Ok(known);
    }
    let parsed: Parsed = Arc::new(parse()?.into_iter().map(Arc::new).collect());
    with(|cache| cache.keep(name, text, &parsed));
    Ok(parsed)
}

fn with<T>(act: impl FnOnce(&mut Cache) -> T) -> T {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    act(cache.get_or_insert_with(Cache::default))
}

impl Cache {
    fn find(&mut self, name: &str, text: &Arc<[u8]>) -> Option<Parsed> {
        self.clock += 1;
        let kept = self
            .files
            .get_mut(name)?
            .iter_mut()
            .find(|kept| Arc::ptr_eq(&kept.text, text) || kept.text == *text)?;
        kept.used = self.clock;
        Some(kept.parsed.clone())
    }

    fn keep(&mut self, name: &str, text: &Arc<[u8]>, parsed: &Parsed) {
        if text.len() > MAX_BYTES {
            return;
        }
        self.bytes += text.len();
        if self.bytes > MAX_BYTES {
            self.forget_half();
        }
        self.files.entry(name.into()).or_default().push(Kept {
            text: text.clone(),
            parsed: parsed.clone(),
            used: self.clock,
        });
    }

    /// Drops what was not used for the longest time, until half the room is free.
    fn forget_half(&mut self) {
        let mut ages: Vec<(u64, usize)> = self
            .files
            .values()
            .flatten()
            .map(|kept| (kept.used, kept.text.len()))
            .collect();
        ages.sort_unstable();
        let mut over = self.bytes.saturating_sub(MAX_BYTES / 2);
        let mut oldest_kept = 0;
        for (used, bytes) in ages {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(bytes);
            oldest_kept = used + 1;
        }
        let freed = &mut self.bytes;
        self.files.retain(|_, kept| {
            kept.retain(|kept| {
                let stays = kept.used >= oldest_kept;
                if !stays {
                    *freed = freed.saturating_sub(kept.text.len());
                }
                stays
            });
            !kept.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_parsed_once_and_room_is_bounded() {
        let mut cache = Cache::default();
        let text: Arc<[u8]> = vec![b'x'; MAX_BYTES / 4].into();
        let parsed: Parsed = Arc::default();
        assert!(cache.find("a", &text).is_none());
        cache.keep("a", &text, &parsed);
        assert!(
            cache
                .find("a", &text)
                .is_some_and(|found| Arc::ptr_eq(&found, &parsed))
        );
        assert!(cache.find("a", &b"y".as_slice().into()).is_none());
        for name in ["b", "c", "d"] {
            cache.find("a", &text);
            cache.keep(name, &text, &parsed);
        }
        cache.find("a", &text);
        cache.keep("e", &text, &parsed);
        assert!(cache.bytes <= MAX_BYTES);
        assert!(cache.find("a", &text).is_some() && cache.find("e", &text).is_some());
        assert!(cache.find("b", &text).is_none(), "the longest unused goes first");
    }
}
