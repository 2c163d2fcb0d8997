//! What a connection allocates: nothing for frames that are whole, only what arrived for those that are not, and
//! nothing afterwards.

#![allow(unsafe_code)] // counting allocations takes an allocator of our own

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, Role, mask};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(grown: isize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + grown);
}

// SAFETY: every call is handed to the system's allocator as it came; counting touches nothing but two cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`, and the memory came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls to the allocator, and bytes more in use than before.
fn measure(work: impl FnOnce()) -> (usize, isize) {
    let (calls, bytes) = (CALLS.get(), BYTES.get());
    work();
    (CALLS.get() - calls, BYTES.get() - bytes)
}

fn masked(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let mut bytes =
        frame::encode_header(fin, Reserved::NONE, opcode, payload.len() as u64, Some(key)).to_vec();
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask::apply(key, &mut bytes[start..]);
    bytes
}

/// Receives all there is and tells how many events came of it.
fn receive(connection: &mut Connection, bytes: &mut [u8]) -> usize {
    let mut input = Input::new(bytes);
    let mut events = 0;
    while connection.receive(&mut input, &Limits::DEFAULT).is_ok_and(|event| event.is_some()) {
        events += 1;
    }
    assert!(!connection.has_failed());
    events
}

#[test]
fn whole_frames_cost_none() {
    let mut bytes = [
        masked(true, Opcode::Text, "κόσμε".as_bytes()),
        masked(true, Opcode::Binary, &[7; 5_000]),
        masked(true, Opcode::Ping, b"ping"),
        masked(true, Opcode::Pong, b""),
        masked(true, Opcode::Close, b"\x03\xe8bye"),
    ]
    .concat();
    let mut connection = Connection::new(Role::Server);
    let mut events = 0;
    let (calls, _) = measure(|| events = receive(&mut connection, &mut bytes));
    assert_eq!((events, calls), (5, 0));
}

#[test]
fn an_incomplete_frame_costs_what_arrived_not_what_was_announced() {
    let whole = masked(true, Opcode::Binary, &[7; 10_000_000]);
    let mut start = whole[..1_000].to_vec();
    let mut connection = Connection::new(Role::Server);
    let (_, held) = measure(|| {
        receive(&mut connection, &mut start);
    });
    assert!((900..1_500).contains(&held), "{held} bytes held for 1,000");
}

#[test]
fn nothing_is_held_once_a_message_was_delivered() {
    let bytes = [
        masked(false, Opcode::Text, &[b'x'; 3_000]),
        masked(true, Opcode::Ping, &[b'p'; 100]),
        masked(true, Opcode::Continuation, &[b'y'; 3_000]),
    ]
    .concat();
    let mut connection = Connection::new(Role::Server);
    let mut events = 0;
    let mut piece = [0; 50];
    let (_, held) = measure(|| {
        for chunk in bytes.chunks(50) {
            let piece = &mut piece[..chunk.len()];
            piece.copy_from_slice(chunk);
            events += receive(&mut connection, piece);
        }
    });
    assert_eq!((events, held), (2, 0));
}

#[test]
fn nothing_is_held_after_a_failure() {
    let mut bytes =
        [masked(false, Opcode::Text, &[b'x'; 3_000]), masked(false, Opcode::Continuation, b"\xff")].concat();
    let mut connection = Connection::new(Role::Server);
    let (_, held) = measure(|| {
        let mut input = Input::new(&mut bytes);
        assert!(connection.receive(&mut input, &Limits::DEFAULT).is_err());
    });
    assert_eq!(held, 0);
}

#[test]
fn growing_copies_in_linear_time() {
    let bytes = masked(true, Opcode::Binary, &[7; 1 << 20]);
    let mut connection = Connection::new(Role::Server);
    let mut piece = [0; 100];
    let (calls, _) = measure(|| {
        for chunk in bytes.chunks(100) {
            let piece = &mut piece[..chunk.len()];
            piece.copy_from_slice(chunk);
            let mut input = Input::new(piece);
            if let Some(Event::Binary(message)) = connection.receive(&mut input, &Limits::DEFAULT).unwrap() {
                assert_eq!(message.len(), 1 << 20);
            }
        }
    });
    assert!(calls < 100, "{calls} calls to the allocator for one message");
}
