//! The enumerations of `objects/fields.py`.

use std::fmt;
use std::str::FromStr;

/// A status text that is not one of the enumeration's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Field value {0} is invalid")]
pub struct UnknownStatus(pub String);

macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the variants are Magnum's values")]
        pub enum $name { $($variant,)* }

        impl $name {
            /// Every value, in Magnum's order.
            pub const ALL: &'static [&'static str] = &[$($text,)*];

            /// The text in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, UnknownStatus> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    other => Err(UnknownStatus(other.to_owned())),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

enumeration! {
    /// Status of a cluster or node group.
    ClusterStatus {
        CreateInProgress = "CREATE_IN_PROGRESS",
        CreateFailed = "CREATE_FAILED",
        CreateComplete = "CREATE_COMPLETE",
        UpdateInProgress = "UPDATE_IN_PROGRESS",
        UpdateFailed = "UPDATE_FAILED",
        UpdateComplete = "UPDATE_COMPLETE",
        DeleteInProgress = "DELETE_IN_PROGRESS",
        DeleteFailed = "DELETE_FAILED",
        DeleteComplete = "DELETE_COMPLETE",
        ResumeComplete = "RESUME_COMPLETE",
        ResumeFailed = "RESUME_FAILED",
        RestoreComplete = "RESTORE_COMPLETE",
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        RollbackFailed = "ROLLBACK_FAILED",
        RollbackComplete = "ROLLBACK_COMPLETE",
        SnapshotComplete = "SNAPSHOT_COMPLETE",
        CheckComplete = "CHECK_COMPLETE",
        AdoptComplete = "ADOPT_COMPLETE",
    }
}

impl ClusterStatus {
    /// `*_IN_PROGRESS`.
    pub const fn is_in_progress(self) -> bool {
        matches!(
            self,
            Self::CreateInProgress
                | Self::UpdateInProgress
                | Self::DeleteInProgress
                | Self::RollbackInProgress
        )
    }

    /// `*_FAILED`, Magnum's `STATUS_FAILED`.
    pub const fn is_failed(self) -> bool {
        matches!(
            self,
            Self::CreateFailed
                | Self::UpdateFailed
                | Self::DeleteFailed
                | Self::RollbackFailed
                | Self::ResumeFailed
        )
    }

    /// `*_COMPLETE`.
    pub const fn is_complete(self) -> bool {
        !self.is_in_progress() && !self.is_failed()
    }
}

enumeration! {
    /// Health of a cluster.
    HealthStatus {
        Healthy = "HEALTHY",
        Unhealthy = "UNHEALTHY",
        Unknown = "UNKNOWN",
    }
}

enumeration! {
    /// Status of a federation.
    FederationStatus {
        CreateInProgress = "CREATE_IN_PROGRESS",
        CreateFailed = "CREATE_FAILED",
        CreateComplete = "CREATE_COMPLETE",
        UpdateInProgress = "UPDATE_IN_PROGRESS",
        UpdateFailed = "UPDATE_FAILED",
        UpdateComplete = "UPDATE_COMPLETE",
        DeleteInProgress = "DELETE_IN_PROGRESS",
        DeleteFailed = "DELETE_FAILED",
        DeleteComplete = "DELETE_COMPLETE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_parses_back_and_has_one_phase() {
        for text in ClusterStatus::ALL {
            let status: ClusterStatus = text.parse().unwrap();
            assert_eq!(status.to_string(), *text);
            assert_eq!(status.is_in_progress(), text.ends_with("_IN_PROGRESS"));
            assert_eq!(status.is_failed(), text.ends_with("_FAILED"));
            assert_eq!(status.is_complete(), text.ends_with("_COMPLETE"));
        }
        assert_eq!(
            "EXPLODED".parse::<ClusterStatus>(),
            Err(UnknownStatus("EXPLODED".into()))
        );
    }
}
