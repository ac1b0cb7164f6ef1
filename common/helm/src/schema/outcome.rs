//! What a check found, and where.

/// Where in the values a check is: the path in dots.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn root() -> Self {
        Self("(root)".to_owned())
    }

    pub(super) fn below(&self, key: &str) -> Self {
        Self(format!("{}.{key}", self.0))
    }

    /// As messages name it.
    pub(super) fn field(&self) -> &str {
        self.0.strip_prefix("(root).").unwrap_or(&self.0)
    }
}

/// Complaints, and how near the value came: of several alternatives the nearest explains itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub complaints: Vec<String>,
    pub score: i64,
}

impl Outcome {
    pub(super) fn is_valid(&self) -> bool {
        self.complaints.is_empty()
    }

    pub(super) fn complain(&mut self, place: &Place, message: impl std::fmt::Display) {
        self.complaints.push(format!("{}: {message}", place.field()));
        self.score -= 2;
    }

    pub(super) fn take(&mut self, other: Self) {
        self.complaints.extend(other.complaints);
        self.score += other.score;
    }

    pub(super) fn step(&mut self) {
        self.score += 1;
    }
}
