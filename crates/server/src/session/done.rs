//! The end of something that happens on several shards, for whoever asked for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use wavecast_protocol::centrifuge::Error;

/// What somebody waits for who asked for something on several shards: it is over when every copy has been dropped.
#[derive(Clone, Debug)]
pub(crate) struct Done(Arc<Completion>);

#[derive(Debug)]
struct Completion {
    outcome: Mutex<Option<Error>>,
    sender: Mutex<Option<oneshot::Sender<Result<(), Error>>>>,
}

impl Done {
    /// A promise, and where its end shows.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<(), Error>>) {
        let (sender, receiver) = oneshot::channel();
        let completion = Completion { outcome: Mutex::default(), sender: Mutex::new(Some(sender)) };
        (Self(Arc::new(completion)), receiver)
    }

    /// Something of it could not be done: the first error is told.
    pub(crate) fn fail(&self, error: Error) {
        let mut outcome = self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.get_or_insert(error);
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let outcome = self.outcome.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let sender = self.sender.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Whoever asked may have given up.
            sender.send(outcome.map_or(Ok(()), Err)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_the_last_copy_goes_and_tells_the_first_error() {
        let (done, mut end) = Done::new();
        let copy = done.clone();
        drop(done);
        assert!(end.try_recv().is_err(), "a copy is left");
        copy.fail(Error::UNKNOWN_CHANNEL);
        copy.fail(Error::INTERNAL);
        drop(copy);
        assert_eq!(end.try_recv(), Ok(Err(Error::UNKNOWN_CHANNEL)));
    }
}
