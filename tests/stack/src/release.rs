//! The releases of Magnum that a stack can have: rows, magnum-api, conductor, driver and command line of one time.

/// A release of Magnum, with what belongs to its series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Release {
    /// 18.0.1, of 2024.1: oslo.messaging 14.7, magnum-capi-helm 1.2.0.
    #[value(name = "18")]
    V18,
    /// 20.0.2, of 2025.1: oslo.messaging 16.1, magnum-capi-helm 1.2.1.
    #[value(name = "20")]
    V20,
    /// 22.0.0, of 2026.1: oslo.messaging 17.3, magnum-capi-helm 1.3.0; the last one with the Heat driver.
    #[value(name = "22")]
    V22,
    /// 23.0.0, of 2026.2: oslo.messaging 18.3, magnum-capi-helm 1.4.0.
    #[default]
    #[value(name = "23")]
    V23,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::V18, Self::V20, Self::V22, Self::V23];

    /// Magnum's own version.
    pub fn version(self) -> &'static str {
        match self {
            Self::V18 => "18.0.1",
            Self::V20 => "20.0.2",
            Self::V22 => "22.0.0",
            Self::V23 => "23.0.0",
        }
    }

    /// The list of packages in `tests/python`, without its `.txt`.
    pub(crate) fn pins(self) -> &'static str {
        match self {
            Self::V18 => "magnum-18.0",
            Self::V20 => "magnum-20.0",
            Self::V22 => "magnum-22.0",
            Self::V23 => "magnum-23.0",
        }
    }
}
