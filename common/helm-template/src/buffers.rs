//! Room in which text is collected, used again and again in one render.

use std::cell::RefCell;

/// Rooms that are kept at most; templates that nest deeper get fresh ones.
const MAX_KEPT: usize = 16;

/// A room that has grown beyond this is not kept.
const MAX_BYTES: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct Buffers(RefCell<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty buffer.
    pub fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives a buffer back.
    pub fn put(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < MAX_KEPT && buffer.capacity() <= MAX_BYTES {
            buffer.clear();
            kept.push(buffer);
        }
    }
}
