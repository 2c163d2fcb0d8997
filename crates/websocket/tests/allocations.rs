//! What a connection allocates: nothing for frames that are whole, only what arrived for those that are not, and
//! nothing afterwards.

#![allow(unsafe_code)] // counting allocations takes an allocator of our own

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wavecast_websocket::deflate::{Compression, Deflater, Inflater, Window};
use wavecast_websocket::frame::{self, Reserved};
use wavecast_websocket::{Connection, Event, Input, Limits, Opcode, Part, Role, mask};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(grown: isize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + grown);
    PEAK.set(PEAK.get().max(BYTES.get()));
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

/// Compressed messages, masked, as a client sends them.
fn deflated(message: &[u8], times: usize, takeover: bool) -> Vec<u8> {
    let mut deflater = Deflater::new(&Compression::DEFAULT);
    let (mut context, mut bytes) = (None, Vec::new());
    for _ in 0..times {
        let (window, key) = (Window::new(15, takeover), Some([1, 2, 3, 4]));
        assert!(deflater.encode(Opcode::Binary, message, window, &mut context, key, &mut bytes));
    }
    bytes
}

#[test]
fn with_a_lent_inflater_compressed_messages_leave_nothing_and_cost_none() {
    let message = b"the same again and again ".repeat(40);
    let mut warm = deflated(&message, 1, false);
    let mut bytes = deflated(&message, 50, false);
    let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, false));
    let mut inflater = Inflater::new();
    let mut receive = |bytes: &mut [u8]| {
        let mut input = Input::new(bytes);
        let mut events = 0;
        while connection.receive_with(&mut input, &Limits::DEFAULT, &mut inflater).unwrap().is_some() {
            events += 1;
        }
        events
    };
    let (_, shared) = measure(|| assert_eq!(receive(&mut warm), 1));
    assert!((45_000..54_000).contains(&shared), "an inflater takes {shared} bytes");
    let (calls, held) = measure(|| assert_eq!(receive(&mut bytes), 50));
    assert_eq!((calls, held), (0, 0));
}

#[test]
fn without_one_an_inflater_lives_as_long_as_its_message() {
    let mut bytes = deflated(&[7; 3_000], 2, false);
    let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, false));
    let (_, held) = measure(|| assert_eq!(receive(&mut connection, &mut bytes), 2));
    assert_eq!(held, 0);
}

#[test]
fn context_takeover_costs_what_its_options_say() {
    let mut bytes = deflated(&[7; 3_000], 3, true);
    let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, true));
    let (_, held) = measure(|| assert_eq!(receive(&mut connection, &mut bytes), 3));
    assert!((43_000..48_000).contains(&held), "to receive takes {held} bytes");

    for (bits, memory_level, expected) in
        [(15, 8, 381_000), (15, 1, 267_000), (9, 8, 252_000), (9, 1, 138_000)]
    {
        let options = Compression { memory_level, ..Compression::DEFAULT };
        let mut deflater = Deflater::new(&options);
        let (mut context, mut out) = (None, Vec::with_capacity(10_000));
        let mut send = |takeover| {
            deflater.encode(
                Opcode::Binary,
                &[7; 900],
                Window::new(bits, takeover),
                &mut context,
                None,
                &mut out,
            )
        };
        let (_, held) = measure(|| assert!(send(true)));
        println!("{bits} bits, memory {memory_level}: to send takes {held} bytes");
        let near = expected - expected / 50..expected + expected / 50;
        assert!(near.contains(&held), "{bits} bits, memory {memory_level}: to send takes {held} bytes");
        let (_, shared) = measure(|| assert!(send(false)));
        assert!(near.contains(&shared), "{shared}");
        let (calls, _) = measure(|| assert!(send(true) && send(false)));
        assert_eq!(calls, 0, "from then on nothing is allocated");
    }
}

#[test]
fn a_message_in_pieces_is_not_kept() {
    let plain =
        [masked(false, Opcode::Binary, &[7; 200_000]), masked(true, Opcode::Continuation, &[7; 200_000])];
    let noise: Vec<u8> =
        (0..400_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 & 0x3f).collect();
    for (bytes, most) in [(plain.concat(), 1_000), (deflated(&noise, 1, false), 66_000)] {
        let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, false));
        let mut buffer = [0; 4_000];
        let mut received = 0;
        let before = BYTES.get();
        PEAK.set(before);
        for chunk in bytes.chunks(4_000) {
            let chunk_len = chunk.len();
            buffer[..chunk_len].copy_from_slice(chunk);
            let mut input = Input::new(&mut buffer[..chunk_len]);
            while let Some(part) = connection.receive_part(&mut input, &Limits::DEFAULT).unwrap() {
                let Part::Piece(piece) = part else { panic!("{part:?}") };
                received += piece.bytes.len();
            }
        }
        assert_eq!(received, 400_000);
        assert!(PEAK.get() - before < most, "{} bytes at a time", PEAK.get() - before);
        assert_eq!(connection.receive_part(&mut Input::new(&mut []), &Limits::DEFAULT), Ok(None));
        assert_eq!(BYTES.get() - before, 0, "nothing is left");
    }
}

#[test]
fn a_bomb_takes_no_more_than_the_limit_allows() {
    let mut bytes = deflated(&vec![0; 64 << 20], 1, false);
    let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, false));
    let mut inflater = Inflater::new();
    let before = BYTES.get();
    PEAK.set(before);
    let (_, held) = measure(|| {
        let mut input = Input::new(&mut bytes);
        connection.receive_with(&mut input, &Limits::DEFAULT, &mut inflater).unwrap_err();
    });
    let limit = Limits::DEFAULT.message_bytes_max as isize;
    assert!((0..limit + 100_000).contains(&held), "{held} bytes held");
    let most = PEAK.get() - before;
    assert!(most < limit * 3 / 2 + 100_000, "{most} bytes at a time, while it grew");
    let mut hello = deflated(b"hello ".repeat(40).as_slice(), 1, false);
    let mut connection = Connection::new(Role::Server).with_deflate(Window::new(15, false));
    let (_, given_back) = measure(|| {
        let mut input = Input::new(&mut hello);
        assert!(connection.receive_with(&mut input, &Limits::DEFAULT, &mut inflater).unwrap().is_some());
    });
    assert!(held + given_back < 100_000, "{} bytes stay", held + given_back);
}
