//! Calls of the API, and calls to the back end: how many, how they ended, how long they took.

use std::time::Duration;

use super::codes::Codes;
use super::histogram::Histogram;
use crate::hooks::{Answer, Hook};

/// The method that stands for all that are none.
const UNKNOWN: &str = "unknown";

/// The calls of the API, by method.
#[derive(Debug)]
pub(crate) struct ApiMeter(Box<[MethodMeter]>);

/// The calls of one method.
#[derive(Debug)]
pub(crate) struct MethodMeter {
    pub(crate) name: &'static str,
    /// By error code; 0: it was done.
    pub(crate) codes: Codes,
    pub(crate) durations: Histogram,
}

impl ApiMeter {
    pub(super) fn new(methods: impl IntoIterator<Item = &'static str>) -> Self {
        let meter = |name| MethodMeter { name, codes: Codes::default(), durations: Histogram::default() };
        Self(methods.into_iter().chain([UNKNOWN]).map(meter).collect())
    }

    /// A call has been answered.
    pub(crate) fn note(&self, method: &str, code: u32, time: Duration) {
        let found = self.0.iter().find(|meter| meter.name == method).or(self.0.last());
        if let Some(meter) = found {
            meter.codes.add(code);
            meter.durations.observe(time);
        }
    }

    pub(crate) fn all(&self) -> &[MethodMeter] {
        &self.0
    }
}

/// How a hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookOutcome {
    Ok,
    /// The back end said no: an error or a disconnect of its own.
    Refused,
    /// It did not answer in time or not rightly, its turn did not come, or it said that it has failed.
    Failed,
}

impl HookOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Failed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// `None` where nobody was asked.
    fn of<T>(answer: &Answer<T>) -> Option<Self> {
        match answer {
            Answer::Ok(_) => Some(Self::Ok),
            Answer::Error(error) if matches!(error.code, 100 | 111) => Some(Self::Failed),
            Answer::Error(_) | Answer::Disconnect(_) => Some(Self::Refused),
            Answer::NotHandled => None,
        }
    }
}

/// The calls of hooks, by kind and outcome.
#[derive(Debug, Default)]
pub(crate) struct HookMeter([[Histogram; HookOutcome::ALL.len()]; Hook::ALL.len()]);

impl HookMeter {
    /// A hook has been answered.
    pub(crate) fn note<T>(&self, hook: Hook, answer: &Answer<T>, time: Duration) {
        if let Some(outcome) = HookOutcome::of(answer) {
            self.of(hook, outcome).observe(time);
        }
    }

    pub(crate) fn of(&self, hook: Hook, outcome: HookOutcome) -> &Histogram {
        &self.0[hook as usize][outcome as usize]
    }
}
