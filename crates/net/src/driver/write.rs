//! Writing a batch with non-blocking calls, in as few as the kernel allows.

use std::io::{self, ErrorKind, IoSlice, Write};

use crate::frame::Batch;

/// Frames that are together at most this long are copied into one piece: cheaper than a long list of slices.
const FLATTEN_BYTES: usize = 32 * 1024;
/// Slices that one `writev` takes.
const SLICES_MAX: usize = 64;
/// Bytes offered to one call: below what kernels cut a call at (2 GiB on Linux), so that a short write means a full
/// socket.
const CALL_BYTES_MAX: usize = 1 << 30;

/// Writes what the kernel takes of `batch` from byte `from` on, and says how much that was. Less than all of it: the
/// socket is full, and the kernel will say when it is not.
pub(super) fn write(
    stream: &mut impl Write,
    batch: &Batch,
    from: usize,
    scratch: &mut Vec<u8>,
) -> io::Result<usize> {
    let mut total = 0;
    loop {
        if batch.bytes() == from + total {
            return Ok(total);
        }
        match write_once(stream, batch, from + total, scratch) {
            Ok((0, _)) => return Err(ErrorKind::WriteZero.into()),
            Ok((written, offered)) => {
                total += written;
                // A short write has filled the socket: the next call would only be told so.
                if written < offered {
                    return Ok(total);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One system call: how much it took, and how much it was offered.
fn write_once(
    stream: &mut impl Write,
    batch: &Batch,
    mut skip: usize,
    scratch: &mut Vec<u8>,
) -> io::Result<(usize, usize)> {
    let left = batch.bytes() - skip;
    if let [frame] = batch.frames() {
        let offered = left.min(CALL_BYTES_MAX);
        return Ok((stream.write(&frame[skip..skip + offered])?, offered));
    }
    let mut rest = batch.frames().iter().filter_map(|frame| {
        let cut = skip.min(frame.len());
        skip -= cut;
        (cut < frame.len()).then(|| &frame[cut..])
    });
    if left <= FLATTEN_BYTES {
        scratch.clear();
        rest.for_each(|bytes| scratch.extend_from_slice(bytes));
        return Ok((stream.write(scratch)?, left));
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let (mut count, mut offered) = (0, 0);
    for (slice, bytes) in slices.iter_mut().zip(&mut rest) {
        *slice = IoSlice::new(bytes);
        count += 1;
        offered += bytes.len();
    }
    Ok((stream.write_vectored(&slices[..count])?, offered))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Frame;

    /// Takes as much as it is told to, call by call.
    struct Kernel {
        takes: Vec<usize>,
        taken: Vec<u8>,
    }

    impl Write for Kernel {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Some(takes) = self.takes.pop() else { return Err(ErrorKind::WouldBlock.into()) };
            let count = takes.min(bytes.len());
            self.taken.extend_from_slice(&bytes[..count]);
            // A socket that took less than it was offered is full.
            if count < bytes.len() {
                self.takes.clear();
            }
            Ok(count)
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let whole: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.write(&whole)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        /// However the frames are cut and whatever the kernel takes: every byte once, in order, and what is given up
        /// before the end is given up because the socket is full.
        #[test]
        fn every_byte_once_whatever_the_kernel_takes(
            lengths in prop::collection::vec(prop_oneof![0usize..40, 2_000usize..60_000], 1..150),
            rounds in prop::collection::vec(prop::collection::vec(1usize..100_000, 1..4), 1..40),
        ) {
            let mut batch = Batch::default();
            let mut expected = Vec::new();
            for (n, length) in lengths.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + n) as u8).collect();
                expected.extend_from_slice(&bytes);
                batch.push(Frame::new(&bytes));
            }
            let (mut sent, mut scratch) = (0, Vec::new());
            let mut kernel = Kernel { takes: Vec::new(), taken: Vec::new() };
            for takes in rounds {
                kernel.takes = takes;
                sent += write(&mut kernel, &batch, sent, &mut scratch).unwrap();
                prop_assert_eq!(sent, kernel.taken.len());
                prop_assert!(sent == expected.len() || kernel.takes.is_empty(), "given up while there was room");
            }
            prop_assert_eq!(&kernel.taken[..], &expected[..sent]);
        }
    }
}
