//! What a step counted.

/// Tests that passed and failed. A step that counts nothing itself is one test.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// A step that is one test and passed.
    pub(crate) const ONE: Self = Self { passed: 1, failed: 0 };

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// A program that failed without counting a failure (it did not compile, it crashed) counts as one.
    pub(crate) fn or_failed(mut self, ended: Result<(), String>) -> Self {
        if let Err(fault) = ended {
            eprintln!("{fault}");
            self.failed = self.failed.max(1);
        }
        self
    }
}
