//! Our Helm beside the real one (3.17.3, the program that `HELM_TEST_PROGRAM` names): the same charts and
//! values through both, and what they answer compared, byte for byte.

pub mod engines;
pub mod generate;
pub mod report;
pub mod snippets;

/// Bounds of a property test, from the environment.
#[derive(Clone, Copy, Debug)]
pub struct Volume {
    /// How many cases (`DIFFERENTIAL_CASES`, else 2,000), for the random suites together.
    pub cases: u64,
    /// Where their random numbers start (`DIFFERENTIAL_SEED`).
    pub seed: u64,
    /// The first case (`DIFFERENTIAL_FIRST`), to do a failed one again.
    pub first: u64,
}

impl Volume {
    /// What the environment asks for, else the same 2,000 cases every time.
    pub fn from_env() -> Self {
        Self::from_env_or(2_000)
    }

    /// What the environment asks for, else so many cases; for a suite that shares them with no other.
    pub fn from_env_or(cases: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        Self {
            cases: number("DIFFERENTIAL_CASES").unwrap_or(cases),
            seed: number("DIFFERENTIAL_SEED").unwrap_or(1),
            first: number("DIFFERENTIAL_FIRST").unwrap_or(0),
        }
    }

    /// A part of the cases, for a suite that shares the volume with others.
    pub fn part(self, percent: u64) -> Self {
        Self {
            cases: (self.cases * percent).div_ceil(100),
            ..self
        }
    }
}
