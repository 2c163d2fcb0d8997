//! The loops over every received byte, and what a small frame costs from wire to event.
//!
//! `cargo bench -p wavecast-benches --bench websocket`

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wavecast_websocket::utf8::Text;
use wavecast_websocket::{Connection, Input, Limits, Opcode, Role, frame, handshake, mask};

const KEY: mask::Key = [0x37, 0xfa, 0x21, 0x3d];
const SIZES: [usize; 4] = [16, 128, 4_096, 65_536];

fn mask_payload(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for len in SIZES {
        let mut payload = vec![7; len];
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(BenchmarkId::from_parameter(len), |bencher| {
            bencher.iter(|| mask::apply(black_box(KEY), black_box(&mut payload)));
        });
    }
    group.finish();
}

/// Text that arrives in pieces, as in a message larger than the receive buffer.
fn check_utf8(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("utf8");
    for (language, sample) in [("ascii", "push to every device "), ("mixed", "κόσμε 世界 wave ")] {
        let text = sample.repeat(65_536 / sample.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("in_pieces_of_4096", language), |bencher| {
            bencher.iter(|| {
                let mut checked = Text::new();
                for piece in text.as_bytes().chunks(4_096) {
                    let _ = black_box(checked.push(piece));
                }
                checked.len()
            });
        });
    }
    group.finish();
}

/// One receive buffer full of frames of the same size.
fn receive_frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive");
    for (kind, opcode) in [("text", Opcode::Text), ("binary", Opcode::Binary), ("ping", Opcode::Ping)] {
        for len in [16, 125, 1_024] {
            if opcode.is_control() && len > 125 {
                continue;
            }
            let mut frames = Vec::new();
            let mut count = 0;
            while frames.len() < 65_536 {
                frame::encode(opcode, &vec![b'x'; len], Some(KEY), &mut frames);
                count += 1;
            }
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::new(kind, len), |bencher| {
                bencher.iter_batched_ref(
                    || frames.clone(),
                    |bytes| receive_all(bytes),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

/// How many events there were.
fn receive_all(bytes: &mut [u8]) -> usize {
    let mut connection = Connection::new(Role::Server);
    let mut input = Input::new(bytes);
    let mut events = 0;
    while let Ok(Some(event)) = connection.receive(&mut input, &Limits::DEFAULT) {
        black_box(event);
        events += 1;
    }
    events
}

/// What a server does for each connection of a reconnect storm.
fn answer_handshake(criterion: &mut Criterion) {
    let mut request = Vec::new();
    let headers = [
        ("Origin", "https://app.example.com"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Cookie", "session=0123456789abcdef0123456789abcdef"),
    ];
    let written =
        handshake::ClientRequest::new("push.example.com", "/connection/websocket", *b"the sample nonce")
            .headers(&headers)
            .write(&mut request);
    assert!(written.is_ok());
    let mut out = Vec::new();
    criterion.bench_function("handshake", |bencher| {
        bencher.iter(|| {
            out.clear();
            let parsed = handshake::parse_request(black_box(&request), &Limits::DEFAULT);
            if let Ok(Some((head, _))) = &parsed
                && let Ok(acceptance) = handshake::accept(head, &[])
            {
                let _ = acceptance.write(&[], &mut out);
            }
            out.len()
        });
    });
}

criterion_group!(benches, mask_payload, check_utf8, receive_frames, answer_handshake);
criterion_main!(benches);
