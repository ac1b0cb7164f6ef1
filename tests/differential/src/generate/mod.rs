//! Random values, templates and questions. The same seed gives the same case everywhere.

mod documents;
mod expressions;
mod functions;
mod leaves;
pub mod mutate;
pub mod statements;
mod texts;
pub mod toml;
pub mod values;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// The random numbers of one case.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    /// For case `case` of a suite.
    pub fn new(seed: u64, case: u64) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(case),
        ))
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        items.choose(&mut self.0).unwrap_or(&items[0])
    }

    /// One of `words`.
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick::<&'static str>(words)
    }

    /// True in `percent` of 100 throws.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// A number from 0 up to, not including, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end.max(1))
    }
}
