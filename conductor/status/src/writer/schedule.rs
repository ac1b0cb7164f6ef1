//! When clusters are to be looked at although nothing changes.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Longest sleep; the end of it is harmless.
const LONGEST: Duration = Duration::from_secs(3600);

/// The next deadline of each cluster that has one.
#[derive(Debug, Default)]
pub(super) struct Schedule(HashMap<String, DateTime<Utc>>);

impl Schedule {
    /// Sets or forgets a cluster's deadline.
    pub(super) fn set(&mut self, uuid: &str, next: Option<DateTime<Utc>>) {
        match next {
            Some(next) => drop(self.0.insert(uuid.to_owned(), next)),
            None => drop(self.0.remove(uuid)),
        }
    }

    /// Time until the next deadline.
    pub(super) fn wait(&self, now: DateTime<Utc>) -> Duration {
        let next = self
            .0
            .values()
            .min()
            .map(|next| (*next - now).to_std().unwrap_or_default());
        next.map_or(LONGEST, |wait| wait.min(LONGEST))
    }

    /// Takes out the clusters whose deadline has come.
    pub(super) fn due(&mut self, now: DateTime<Utc>) -> Vec<String> {
        let due: Vec<String> = self
            .0
            .iter()
            .filter(|(_, next)| **next <= now)
            .map(|(uuid, _)| uuid.clone())
            .collect();
        for uuid in &due {
            self.0.remove(uuid);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn deadlines_come_due_once() {
        let now = Utc::now();
        let mut schedule = Schedule::default();
        assert_eq!(schedule.wait(now), LONGEST);
        schedule.set("a", Some(now + TimeDelta::seconds(30)));
        schedule.set("b", Some(now + TimeDelta::seconds(10)));
        assert_eq!(schedule.wait(now), Duration::from_secs(10));
        assert_eq!(schedule.due(now + TimeDelta::seconds(15)), ["b"]);
        assert_eq!(schedule.wait(now), Duration::from_secs(30));
        schedule.set("a", None);
        assert!(schedule.due(now + TimeDelta::seconds(60)).is_empty());
    }
}
