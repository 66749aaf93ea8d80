//! How a command ends when it does not end well: what is said, and the exit code.

use shoal_api::{Code, Failure, StartError};
use std::io;

/// Why a command stopped short.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed: one sentence for each thing that went wrong. The first decides the exit code.
    Failures(Vec<Failure>),
    /// Ctrl-C or SIGTERM.
    Signal,
    /// Whoever read the output has gone (`shoal peers | head -1`): nothing more to do, and nothing wrong.
    OutputClosed,
}

impl Stop {
    /// A failure with its sentence.
    pub(crate) fn because(code: Code, sentence: impl std::fmt::Display) -> Self {
        Failure::new(code, sentence).into()
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failures(failures) => failures.first().map_or(1, |failure| exit_code(failure.code)),
            Self::Signal => 130,
            Self::OutputClosed => 0,
        }
    }

    /// Tells the person, on standard error.
    pub(crate) fn say(&self) {
        if let Self::Failures(failures) = self {
            for failure in failures {
                crate::output::complain(&failure.message);
            }
        }
    }
}

/// The contract's exit codes.
const fn exit_code(code: Code) -> u8 {
    match code {
        Code::Failed => 1,
        Code::Usage => 2,
        Code::PeerNotFound => 3,
        Code::Declined => 4,
        Code::Interrupted => 5,
        Code::VerificationFailed => 6,
        Code::NoSpace => 7,
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failures(vec![failure])
    }
}

impl From<StartError> for Stop {
    fn from(error: StartError) -> Self {
        Failure::from(error).into()
    }
}

/// Only standard output is written with `?`.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::because(Code::NoSpace, format_args!("the output cannot be written: {}", crate::words::system(&error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let codes = [
            (Code::Failed, 1),
            (Code::Usage, 2),
            (Code::PeerNotFound, 3),
            (Code::Declined, 4),
            (Code::Interrupted, 5),
            (Code::VerificationFailed, 6),
            (Code::NoSpace, 7),
        ];
        for (code, exit) in codes {
            assert_eq!(Stop::because(code, "x").code(), exit);
        }
        assert_eq!(Stop::Signal.code(), 130);
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::BrokenPipe)).code(), 0);
        let several = Stop::Failures(vec![Failure::new(Code::Declined, "a"), Failure::new(Code::Failed, "b")]);
        assert_eq!(several.code(), 4, "the first thing that went wrong decides");
    }
}
