//! The two ends alone: bytes, ends and wake-ups, each once and in order.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Woken {
    fn take(&self) -> usize {
        self.0.swap(0, SeqCst)
    }
}

struct Both {
    inside: Inside,
    outside: Outside,
    bell: Arc<Bell>,
    shard: Arc<Woken>,
    task: Arc<Woken>,
    waker: Waker,
}

const SLOT: u32 = 7;

fn both() -> Both {
    let (inside, outside) = relay();
    let (shard, task) = (Arc::<Woken>::default(), Arc::<Woken>::default());
    let count = Arc::clone(&shard);
    let bell = Arc::new(Bell::new(Arc::new(move || Arc::clone(&count).wake())));
    inside.attach(Arc::clone(&bell), SLOT);
    let waker = Waker::from(Arc::clone(&task));
    Both { inside, outside, bell, shard, task, waker }
}

impl Both {
    /// The shard comes, if it was woken; whether it was.
    fn shard_comes(&self) -> bool {
        let woken = self.shard.take() > 0;
        let slots = self.bell.answer();
        assert_eq!(woken, !slots.is_empty(), "woken for something, and whenever there is something");
        assert!(slots.iter().all(|slot| *slot == SLOT) && slots.len() <= 1, "once: {slots:?}");
        if woken {
            self.inside.answer_bell();
        }
        woken
    }

    fn read(&self, length: usize) -> Poll<io::Result<Vec<u8>>> {
        let mut bytes = vec![0; length];
        let read = self.outside.poll_read(&Context::from_waker(&self.waker), &mut bytes);
        read.map_ok(|count| bytes[..count].to_vec())
    }

    fn write(&self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.outside.poll_write(&Context::from_waker(&self.waker), bytes)
    }
}

fn ready<T>(poll: Poll<io::Result<T>>) -> T {
    match poll {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn bytes_pass_both_ways_in_order_and_each_end_is_woken_once() {
    let mut both = both();
    assert!(both.read(10).is_pending());
    assert!(!both.shard_comes());
    assert_eq!((ready(both.write(b"one")), ready(both.write(b"two"))), (3, 3));
    assert!(both.shard_comes());
    let mut bytes = [0; 4];
    assert_eq!(both.inside.receive(&mut bytes).unwrap(), (4, true));
    assert_eq!(&bytes, b"onet");
    assert_eq!(both.inside.receive(&mut bytes).unwrap(), (2, false));
    assert_eq!(both.inside.receive(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!both.shard_comes());
    assert_eq!(both.inside.write(b"answer").unwrap(), 6);
    assert_eq!(both.task.take(), 1);
    assert_eq!(ready(both.read(3)), b"ans");
    assert_eq!(ready(both.read(10)), b"wer");
    assert!(both.read(10).is_pending());
    assert_eq!(both.task.take(), 0);
}

#[test]
fn who_writes_more_than_there_is_room_for_waits_until_half_is_free() {
    let mut both = both();
    let much = vec![1; BYTES_MAX + 1];
    assert_eq!(ready(both.write(&much)), BYTES_MAX);
    assert!(both.write(b"more").is_pending());
    assert!(both.shard_comes());
    let mut bytes = vec![0; BYTES_MAX / 2 - 1];
    assert!(both.inside.receive(&mut bytes).unwrap().1);
    assert_eq!(both.task.take(), 0);
    assert!(both.inside.receive(&mut bytes[..1]).unwrap().1);
    assert_eq!(both.task.take(), 1);

    assert_eq!(both.inside.write(&much).unwrap(), BYTES_MAX);
    assert_eq!(both.inside.write(b"more").unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(ready(both.read(BYTES_MAX / 2 - 1)).len(), BYTES_MAX / 2 - 1);
    assert!(!both.shard_comes());
    assert_eq!(ready(both.read(1)).len(), 1);
    assert!(both.shard_comes(), "there is room");
    assert_eq!(both.inside.write(b"more").unwrap(), 4);
    let rest = ready(both.read(BYTES_MAX));
    assert!(rest.ends_with(b"\x01more") && rest.len() == BYTES_MAX / 2 + 4);
    assert_eq!(both.inside.receive(&mut [0; BYTES_MAX]).unwrap(), (BYTES_MAX / 2, false));
    assert_eq!(both.outside.capacity(), 0, "an idle connection owns no buffer");
}

#[test]
fn several_slices_go_in_as_one_and_are_cut_where_the_room_ends() {
    let mut both = both();
    let slices = [IoSlice::new(&[1; 3]), IoSlice::new(&[2; BYTES_MAX - 5]), IoSlice::new(&[3; 5])];
    assert_eq!(both.inside.write_vectored(&slices).unwrap(), BYTES_MAX);
    let bytes = ready(both.read(BYTES_MAX));
    assert!(bytes.starts_with(&[1, 1, 1, 2]) && bytes.ends_with(&[2, 3, 3]));
    assert!(both.shard_comes(), "it was cut short and waits");
}

#[test]
fn a_half_close_comes_behind_the_bytes_and_leaves_the_other_way_open() {
    let mut both = both();
    assert_eq!(ready(both.write(b"last")), 4);
    both.outside.end();
    assert!(both.shard_comes());
    assert_eq!(both.write(b"x").map(|r| r.unwrap_err().kind()), Poll::Ready(ErrorKind::BrokenPipe));
    let mut bytes = [0; 10];
    assert_eq!(both.inside.receive(&mut bytes).unwrap(), (4, true), "and the end is not left lying");
    assert_eq!(both.inside.receive(&mut bytes).unwrap(), (0, false));
    assert_eq!(both.inside.write(b"still").unwrap(), 5);
    both.inside.shutdown();
    assert_eq!(both.inside.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(ready(both.read(10)), b"still");
    assert_eq!(ready(both.read(10)), b"");
    let Both { outside, shard, inside, .. } = both;
    shard.take();
    drop(outside);
    assert_eq!(inside.receive(&mut [0; 4]).unwrap(), (0, false), "an end is no reset afterwards");
}

#[test]
fn an_outside_end_that_goes_without_a_word_is_a_reset_behind_the_bytes() {
    let both = both();
    assert_eq!(ready(both.write(b"last")), 4);
    let Both { mut inside, outside, bell, .. } = both;
    assert_eq!(inside.write(&vec![0; BYTES_MAX + 1]).unwrap(), BYTES_MAX);
    assert_eq!(bell.answer(), [SLOT]);
    inside.answer_bell();
    drop(outside);
    assert_eq!(bell.answer(), [SLOT], "who waits for room hears of it");
    let mut bytes = [0; 10];
    assert_eq!(inside.receive(&mut bytes).unwrap(), (4, true));
    assert_eq!(inside.receive(&mut bytes).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(inside.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_shard_that_lets_go_is_read_to_its_last_byte() {
    let both = both();
    assert!(both.read(10).is_pending());
    assert_eq!(ready(both.write(&vec![0; BYTES_MAX])), BYTES_MAX);
    assert!(both.write(b"x").is_pending());
    let Both { mut inside, outside, bell, task, waker, .. } = both;
    assert_eq!(inside.write(b"bye").unwrap(), 3);
    task.take();
    bell.answer();
    drop(inside);
    assert!(task.take() >= 1);
    let context = Context::from_waker(&waker);
    let mut bytes = [0; 10];
    assert!(matches!(outside.poll_read(&context, &mut bytes), Poll::Ready(Ok(3))));
    assert!(matches!(outside.poll_read(&context, &mut bytes), Poll::Ready(Ok(0))));
    assert!(matches!(outside.poll_write(&context, b"x"), Poll::Ready(Err(_))));
    drop(outside);
    assert_eq!(bell.answer(), [], "nobody is there to be told");
}

#[test]
fn what_came_before_the_shard_took_the_connection_is_told_then() {
    let (inside, outside) = relay();
    let context = Context::from_waker(Waker::noop());
    assert!(matches!(outside.poll_write(&context, b"early"), Poll::Ready(Ok(5))));
    drop(outside);
    let bell = Arc::new(Bell::new(Arc::new(|| {})));
    inside.attach(Arc::clone(&bell), 3);
    assert_eq!(bell.answer(), [3]);
    inside.answer_bell();
    assert_eq!(inside.receive(&mut [0; 8]).unwrap(), (5, true));
}

#[test]
fn all_is_taken_at_once_and_the_shard_goes_on() {
    let mut both = both();
    let context = Context::from_waker(&both.waker);
    assert!(both.outside.poll_take(&context).is_pending());
    assert_eq!(both.inside.write(&vec![7; BYTES_MAX + 1]).unwrap(), BYTES_MAX);
    assert!(both.inside.write(b"x").is_err());
    assert!(both.task.take() >= 1, "who waited is told");
    assert!(matches!(both.outside.poll_take(&context), Poll::Ready(bytes) if bytes == vec![7; BYTES_MAX]));
    assert!(both.shard_comes(), "there is room again");
    assert_eq!(both.inside.write(b"end").unwrap(), 3);
    let Both { inside, outside, waker, .. } = both;
    drop(inside);
    let context = Context::from_waker(&waker);
    assert!(matches!(outside.poll_take(&context), Poll::Ready(bytes) if bytes == b"end"));
    assert!(matches!(outside.poll_take(&context), Poll::Ready(bytes) if bytes.is_empty()));
    assert_eq!(outside.capacity(), 0);
}

#[test]
fn a_socket_takes_the_place_only_when_nothing_is_on_the_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut peer = listener.accept().unwrap().0;
    let mut both = both();
    assert_eq!(ready(both.write(b"head")), 4);
    let (outside, socket) = both.outside.try_move(socket).unwrap_err();
    assert_eq!(both.inside.receive(&mut [0; 8]).unwrap(), (4, false));
    assert_eq!(both.inside.write(b"answer").unwrap(), 6);
    let (outside, socket) = outside.try_move(socket).unwrap_err();
    let context = Context::from_waker(Waker::noop());
    assert!(matches!(outside.poll_read(&context, &mut [0; 8]), Poll::Ready(Ok(6))));
    assert!(both.inside.answer_bell().is_none());
    both.bell.answer();
    outside.try_move(socket).unwrap();
    assert_eq!(both.inside.write(b"x").unwrap_err().kind(), ErrorKind::WouldBlock, "it is for the socket");
    assert_eq!(both.inside.receive(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(both.bell.answer(), [SLOT]);
    let (mut socket, ended) = both.inside.answer_bell().unwrap();
    assert!(!ended);
    socket.write_all(b"here").unwrap();
    let mut bytes = [0; 4];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"here");
}

#[test]
fn a_shard_that_gets_it_after_another_hears_of_what_comes() {
    let both = both();
    assert_eq!(ready(both.write(b"for the first")), 13);
    // The first lets go of it before it has come to its bell.
    both.inside.leave();
    let bell = Arc::new(Bell::new(Arc::new(|| {})));
    both.inside.attach(Arc::clone(&bell), 3);
    assert_eq!(bell.answer(), [3]);
    both.inside.answer_bell();
    assert_eq!(both.inside.receive(&mut [0; 13]).unwrap(), (13, false));
    assert_eq!(ready(both.write(b"more")), 4);
    assert_eq!(bell.answer(), [3]);
}
