//! The shard's end of a relay.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::mem;
use std::net::TcpStream;
use std::sync::Arc;
use std::task::Waker;

use super::bell::Bell;
use super::queues::{Afterwards, LOW_BYTES, Lane, Shared};

/// The shard's end. Dropping it ends the connection: what it wrote before can still be read outside.
#[derive(Debug)]
pub struct Inside(Arc<Shared>);

impl Inside {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// From here on `bell` is rung for `slot`: at once, if there is something to look at already.
    pub(crate) fn attach(&self, bell: Arc<Bell>, slot: u32) {
        let mut state = self.0.lock();
        state.bell = Some((bell, slot));
        // Another shard may have left before it came to its own bell.
        state.rung = false;
        let waits = !state.to_shard.bytes.is_empty() || state.to_shard.is_over() || state.moved.is_some();
        let bell = if waits { state.ring() } else { None };
        drop(state);
        Afterwards { bell, task: None }.happen();
    }

    /// The shard has come: whatever happens from here on rings again. Gives the socket that takes the relay's place, once,
    /// and whether our side of it has been ended meanwhile.
    pub(crate) fn answer_bell(&self) -> Option<(TcpStream, bool)> {
        let mut state = self.0.lock();
        state.rung = false;
        let ended = state.to_outside.ended;
        state.moved.take().map(|socket| (socket, ended))
    }

    /// The bell is not to be rung any more: the connection leaves the shard.
    pub(crate) fn leave(&self) {
        self.0.lock().bell = None;
    }

    /// Reads what has come in, and says whether there is more to look at without another ring.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut state = self.0.lock();
        if state.to_shard.bytes.is_empty() {
            return match &state.to_shard {
                _ if state.moved.is_some() => Err(ErrorKind::WouldBlock.into()),
                Lane { ended: true, .. } => Ok((0, false)),
                Lane { broken: true, .. } => Err(ErrorKind::ConnectionReset.into()),
                _ => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let count = state.to_shard.take(buffer);
        let more = !state.to_shard.bytes.is_empty() || state.to_shard.is_over();
        let task = if state.to_shard.bytes.len() <= LOW_BYTES { state.writer.take() } else { None };
        drop(state);
        Afterwards { bell: None, task }.happen();
        Ok((count, more))
    }

    /// Ends the way out: behind what was written before, the other end reads the end.
    pub(crate) fn shutdown(&self) {
        let mut state = self.0.lock();
        state.to_outside.ended = true;
        let task = state.reader.take();
        drop(state);
        Afterwards { bell: None, task }.happen();
    }
}

impl Read for Inside {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer).map(|(count, _)| count)
    }
}

impl Write for Inside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.moved.is_some() {
            // The bell has been rung for it.
            return Err(ErrorKind::WouldBlock.into());
        }
        if state.to_outside.deaf || state.to_outside.ended {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let (mut count, mut short) = (0, false);
        for slice in slices {
            let taken = state.to_outside.put(slice);
            count += taken;
            short = taken < slice.len();
            if short {
                break;
            }
        }
        state.shard_waits |= short;
        let task = if count > 0 { state.reader.take() } else { None };
        let refused = count == 0 && short;
        drop(state);
        Afterwards { bell: None, task }.happen();
        if refused { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.bell = None;
        state.to_outside.ended = true;
        state.to_shard.deaf = true;
        let unread = mem::take(&mut state.to_shard.bytes);
        let (reader, writer, moved) = (state.reader.take(), state.writer.take(), state.moved.take());
        drop(state);
        drop((unread, moved));
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }
}
