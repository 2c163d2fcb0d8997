//! What the doctor has found, and what to do about it.

use std::fmt;

/// How bad it is, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    /// It works, with a limit or a risk that may matter.
    Warning,
    /// Something does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) subject: String,
    pub(super) text: String,
    /// What to do; "" where there is nothing to do.
    pub(super) remedy: String,
}

impl Finding {
    pub(super) fn ok(subject: &str, text: &str) -> Self {
        Self::new(Level::Ok, subject, text, "")
    }

    pub(super) fn warning(subject: &str, text: &str, remedy: &str) -> Self {
        Self::new(Level::Warning, subject, text, remedy)
    }

    pub(super) fn problem(subject: &str, text: &str, remedy: &str) -> Self {
        Self::new(Level::Problem, subject, text, remedy)
    }

    fn new(level: Level, subject: &str, text: &str, remedy: &str) -> Self {
        Self { level, subject: subject.into(), text: text.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        };
        // What a server says of itself may hold anything; a terminal is to show it and not to obey it.
        let shown: String = self.text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        write!(f, "{level:<8} {}: {}", self.subject, shown.replace('\n', "\n           "))?;
        if !self.remedy.is_empty() {
            write!(f, "\n         → {}", self.remedy)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_bad_it_is_and_what_to_do() {
        assert_eq!(Finding::ok("clock", "fine").to_string(), "ok       clock: fine");
        assert_eq!(
            Finding::problem("url", "no \u{1b}[2J answer", "start it").to_string(),
            "problem  url: no [2J answer\n         → start it"
        );
        assert!(Level::Ok < Level::Warning && Level::Warning < Level::Problem);
    }
}
