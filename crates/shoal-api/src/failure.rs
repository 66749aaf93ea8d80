//! Why a request was not done: a code that front ends act on, and a sentence for people.

use crate::rows::State;
use serde::{Deserialize, Serialize};
use shoal_engine::{
    BenchError, LookError, ReachError, SendError, SettingsError, ShareError, StartError, TicketError, TransferError, TrustError,
};
use std::fmt;
use ts_rs::TS;

/// What a front end acts on. Each is an exit code of the command; everything else is [`Code::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Nothing that a front end could act on.
    Failed,
    /// The request makes no sense as it is.
    Usage,
    /// No such device, more than one, or none that answers.
    PeerNotFound,
    /// The other end does not want it, or it is not permitted.
    Declined,
    /// It stopped and can be resumed.
    Interrupted,
    /// Somebody is not who they should be, or bytes are not what they should be.
    VerificationFailed,
    /// No room, or no permission to write.
    NoSpace,
}

impl From<shoal_engine::Cause> for Code {
    fn from(cause: shoal_engine::Cause) -> Self {
        match cause {
            shoal_engine::Cause::Verification => Self::VerificationFailed,
            shoal_engine::Cause::NoSpace => Self::NoSpace,
        }
    }
}

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What to act on.
    pub code: Code,
    /// One sentence: what happened and what to do.
    pub message: String,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// The sentence for a transfer that ended without being finished, from its last row; `None` when it went well or goes on.
    pub fn of_state(state: State, code: Option<Code>, name: &str, peer: &str, error: Option<&str>) -> Option<Self> {
        // What the engine says is a whole sentence with both names in it.
        let said = |otherwise: String| error.map_or(otherwise, str::to_owned);
        match state {
            State::Declined => Some(Self::new(Code::Declined, said(format!("{peer} declined {name}")))),
            State::Cancelled => Some(Self::new(Code::Failed, said(format!("{name} was cancelled")))),
            State::Failed => Some(Self::new(code.unwrap_or(Code::Failed), said(format!("{name} failed")))),
            State::Waiting | State::Active | State::Paused | State::Interrupted | State::Finished => None,
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::Locked(_) | StartError::Key(_) | StartError::Database { .. } | StartError::Listen { .. } => Code::Failed,
            StartError::DataDir { .. } => Code::NoSpace,
        };
        Self::new(code, error)
    }
}

impl From<ReachError> for Failure {
    fn from(error: ReachError) -> Self {
        let code = match &error {
            ReachError::NotFound(_) | ReachError::Ambiguous { .. } | ReachError::Unreachable { .. } => Code::PeerNotFound,
            ReachError::WrongKey { .. } => Code::VerificationFailed,
            ReachError::Refused { .. } => Code::Declined,
            ReachError::ShuttingDown => Code::Interrupted,
        };
        Self::new(code, error)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Reach(error) => error.into(),
            SendError::Source { .. } | SendError::Nothing | SendError::TooMany { .. } | SendError::Store(_) => {
                Self::new(Code::Failed, error)
            }
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        let code = match &error {
            TransferError::NoSpace { .. } | TransferError::CannotWrite { .. } => Code::NoSpace,
            TransferError::BadPattern(_) | TransferError::NoSuchEntry { .. } => Code::Usage,
            TransferError::NotFound(_)
            | TransferError::WrongState { .. }
            | TransferError::NothingFits { .. }
            | TransferError::NotThere { .. }
            | TransferError::Store(_) => Code::Failed,
        };
        Self::new(code, error)
    }
}

impl From<ShareError> for Failure {
    fn from(error: ShareError) -> Self {
        let code = match &error {
            ShareError::Pattern(_) | ShareError::Name(_) | ShareError::Audience { .. } => Code::Usage,
            ShareError::NotFound(_)
            | ShareError::Folder { .. }
            | ShareError::Already { .. }
            | ShareError::NameTaken(_)
            | ShareError::TooMany { .. }
            | ShareError::Store(_) => Code::Failed,
        };
        Self::new(code, error)
    }
}

impl From<LookError> for Failure {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Reach(error) => error.into(),
            LookError::Transfer(error) => error.into(),
            LookError::Send(error) => error.into(),
            LookError::NotShared { .. } | LookError::ReadOnly { .. } => Self::new(Code::Declined, error),
            LookError::TooMany { .. } | LookError::TooLarge { .. } => Self::new(Code::Usage, error),
            LookError::Lost(_) => Self::new(Code::PeerNotFound, error),
            LookError::Damaged(_) => Self::new(Code::VerificationFailed, error),
            LookError::Busy(_) | LookError::TooOld(_) | LookError::Changed { .. } => Self::new(Code::Failed, error),
        }
    }
}

impl From<TicketError> for Failure {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Reach(error) => error.into(),
            TicketError::Send(error) => error.into(),
            TicketError::Transfer(error) => error.into(),
            TicketError::Text(_) | TicketError::TooManyTrackers { .. } | TicketError::Past => Self::new(Code::Usage, error),
            TicketError::NotGiven(_) | TicketError::Expired => Self::new(Code::Declined, error),
            TicketError::Impostor(_) => Self::new(Code::VerificationFailed, error),
            TicketError::Lost(_) => Self::new(Code::PeerNotFound, error),
            TicketError::Source { .. }
            | TicketError::TooLarge
            | TicketError::TooMany { .. }
            | TicketError::Cancelled
            | TicketError::NotFound(_)
            | TicketError::Own
            | TicketError::Busy(_)
            | TicketError::TooOld(_)
            | TicketError::Store(_) => Self::new(Code::Failed, error),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let code = match &error {
            SettingsError::Inbox { .. } => Code::NoSpace,
            SettingsError::Interfaces | SettingsError::Colour { .. } => Code::Usage,
            SettingsError::Store(_) => Code::Failed,
        };
        Self::new(code, error)
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Reach(error) => error.into(),
            TrustError::NotVerified(_) => Self::new(Code::Declined, error),
            TrustError::BrokenOff(_) => Self::new(Code::VerificationFailed, error),
            TrustError::Store(_) => Self::new(Code::Failed, error),
        }
    }
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Reach(error) => error.into(),
            BenchError::Stranger(_) => Self::new(Code::Declined, error),
            BenchError::Disk { .. } => Self::new(Code::NoSpace, error),
            BenchError::Lost(_) => Self::new(Code::Interrupted, error),
            BenchError::Busy(_) | BenchError::TooOld(_) | BenchError::Running => Self::new(Code::Failed, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Scripts branch on codes: each error of the engine that a script can act on keeps its own.
    #[test]
    fn each_error_of_the_engine_has_its_code_and_keeps_its_sentence() {
        let cases: [(Failure, Code); 10] = [
            (BenchError::Stranger("mira".into()).into(), Code::Declined),
            (ReachError::NotFound("mira".into()).into(), Code::PeerNotFound),
            (ReachError::Ambiguous { name: "m".into(), candidates: vec!["a".into(), "b".into()] }.into(), Code::PeerNotFound),
            (SendError::Reach(ReachError::Refused { name: "mira".into() }).into(), Code::Declined),
            (SendError::Nothing.into(), Code::Failed),
            (TrustError::NotVerified("mira".into()).into(), Code::Declined),
            (TrustError::BrokenOff("mira".into()).into(), Code::VerificationFailed),
            (TransferError::CannotWrite { into: PathBuf::from("/x"), reason: "read-only".into() }.into(), Code::NoSpace),
            (TransferError::BadPattern("[".into()).into(), Code::Usage),
            (TransferError::NotFound("ab".into()).into(), Code::Failed),
        ];
        for (failure, code) in cases {
            assert_eq!(failure.code, code, "{failure}");
            assert!(!failure.message.is_empty());
        }
    }

    #[test]
    fn only_an_end_that_went_wrong_is_a_failure() {
        let of = |state| Failure::of_state(state, None, "film.mkv", "Mira", None).map(|failure| failure.code);
        assert_eq!(of(State::Declined), Some(Code::Declined));
        assert_eq!(of(State::Failed), Some(Code::Failed));
        assert_eq!(of(State::Cancelled), Some(Code::Failed));
        for fine in [State::Waiting, State::Active, State::Paused, State::Interrupted, State::Finished] {
            assert_eq!(of(fine), None, "{fine:?}");
        }
    }
}
