//! One message to many: to all connections of a server, to some, and to groups.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use dialogue::{Client, Hold, Holder, Log, PATIENCE, connect, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use wavecast_net::server::{
    BroadcastError, Close, Connection, Events, Handle, JoinError, Opening, Peer, Running, Server,
};
use wavecast_net::{MessageRef, Options};

/// Does as the message says: `join x`, `leave x`, `all x`, `others x`, `group x text`, `group-others x text`, `hold`.
struct Obedient(mpsc::SyncSender<Peer>, Hold);

impl Events for Obedient {
    fn open(&self, connection: &mut Connection<'_>, _: &Opening<'_>) {
        self.0.send(connection.peer()).unwrap();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        let said = message.as_text().unwrap_or_default();
        let (order, rest) = said.split_once(' ').unwrap_or((said, ""));
        let (name, content) = rest.split_once(' ').unwrap_or((rest, ""));
        let answer = match order {
            "join" => format!("{:?}", connection.join(name)),
            "leave" => format!("{:?}", connection.leave(name)),
            "groups" => {
                let mut groups: Vec<_> = connection.groups().collect();
                groups.sort_unstable();
                groups.join(",")
            }
            "neighbours" => connection.neighbours().count().to_string(),
            "all" => return connection.broadcast(rest).unwrap(),
            "others" => return connection.broadcast_to_others(rest).unwrap(),
            "group" => return connection.group(name).send(content).unwrap(),
            "group-others" => return connection.group(name).send_to_others(content).unwrap(),
            "hold" => return self.1.wait(),
            _ => said.to_owned(),
        };
        connection.send(&answer).unwrap();
    }

    fn close(&self, connection: &mut Connection<'_>, _: &Close<'_>) {
        let groups: Vec<String> = connection.groups().map(str::to_owned).collect();
        for group in groups {
            connection.group(&group).send(&format!("left {group}")).unwrap();
        }
    }
}

fn start(shards: usize, options: Options) -> (Running, Handle, Log<Peer>) {
    let (server, handle, peers, _) = start_with_hold(shards, options);
    (server, handle, peers)
}

fn start_with_hold(shards: usize, options: Options) -> (Running, Handle, Log<Peer>, Holder) {
    let (to, peers) = Log::new();
    let (hold, holder) = Hold::new();
    let server = Server::bind_with("127.0.0.1:0", shards).unwrap().options(options);
    let server = server.start(Obedient(to, hold)).unwrap();
    let handle = server.handle();
    (server, handle, peers, holder)
}

fn connect_all(server: &Running, peers: &Log<Peer>, count: usize) -> (Vec<Client>, Vec<Peer>) {
    let pairs = (0..count).map(|_| (connect(server.address()), peers.next()));
    pairs.unzip()
}

/// Has a client say something, and gives the answer.
fn told(client: &mut Client, said: &str) -> String {
    client.send(Tung::text(said)).unwrap();
    text(client)
}

/// Sees to it that all that was sent before has come: the next thing a client hears is its own echo.
#[track_caller]
fn hears_nothing(client: &mut Client) {
    assert_eq!(told(client, "echo"), "echo");
}

#[test]
fn everybody_hears_a_broadcast_of_an_event_and_of_a_thread() {
    let (server, handle, peers) = start(3, Options::default());
    let (mut clients, _) = connect_all(&server, &peers, 80);
    assert_eq!(handle.connections(), 80);
    handle.broadcast("from a thread").unwrap();
    clients.iter_mut().for_each(|client| assert_eq!(text(client), "from a thread"));
    clients[7].send(Tung::text("all from an event")).unwrap();
    clients.iter_mut().for_each(|client| assert_eq!(text(client), "from an event"));
    clients[7].send(Tung::text("others but me")).unwrap();
    for (n, client) in clients.iter_mut().enumerate() {
        if n == 7 { hears_nothing(client) } else { assert_eq!(text(client), "but me") }
    }
    // Long ones, and binary.
    let long = vec![7; 100_000];
    handle.broadcast(&long).unwrap();
    clients.iter_mut().for_each(|client| assert_eq!(client.read().unwrap(), Tung::binary(long.clone())));
}

#[test]
fn some_hear_what_is_sent_to_them_and_who_has_ended_is_passed_over() {
    let (server, handle, peers) = start(3, Options::default());
    let (mut clients, handles) = connect_all(&server, &peers, 12);
    clients[0].close(None).unwrap();
    while clients[0].read().is_ok() {}
    handle.send_to(&handles[..6], "to six").unwrap();
    for (n, client) in clients.iter_mut().enumerate().skip(1) {
        if n < 6 { assert_eq!(text(client), "to six") } else { hears_nothing(client) }
    }
    handle.send_to(&[], "to nobody").unwrap();
    let known = handle.peers(PATIENCE).unwrap();
    assert_eq!((known.len(), handle.connections()), (11, 11));
    assert!(handles[1..].iter().all(|peer| known.contains(peer)));
    assert!(!known.contains(&handles[0]));
}

#[test]
fn groups_reach_over_shards_and_end_with_their_members() {
    let (server, handle, peers) = start(3, Options::default());
    let (mut clients, _) = connect_all(&server, &peers, 9);
    for client in &mut clients[..6] {
        assert_eq!(told(client, "join tea"), "Ok(())");
        assert_eq!(told(client, "join tea"), "Ok(())", "again is nothing");
    }
    assert_eq!(told(&mut clients[0], "join cake"), "Ok(())");
    assert_eq!(told(&mut clients[0], "groups"), "cake,tea");
    handle.group("tea").send("from a thread").unwrap();
    clients[1].send(Tung::text("group-others tea from an event")).unwrap();
    // Of somebody who is no member.
    clients[8].send(Tung::text("group tea from outside")).unwrap();
    for (n, client) in clients.iter_mut().enumerate() {
        let mut heard: Vec<_> = (0..if n >= 6 {
            0
        } else if n == 1 {
            2
        } else {
            3
        })
            .map(|_| text(client))
            .collect();
        heard.sort_unstable();
        let all = ["from a thread", "from an event", "from outside"];
        let expected: Vec<_> =
            all.into_iter().filter(|m| n < 6 && !(n == 1 && *m == "from an event")).collect();
        assert_eq!(heard, expected, "{n}");
        hears_nothing(client);
    }
    assert_eq!(
        (told(&mut clients[2], "leave tea"), told(&mut clients[2], "leave tea")),
        ("true".to_owned(), "false".to_owned())
    );
    let mut leaver = clients.remove(0);
    leaver.close(None).unwrap();
    while leaver.read().is_ok() {}
    for n in [0, 2, 3, 4] {
        assert_eq!(text(&mut clients[n]), "left tea", "its groups are there until its close event is over");
    }
    handle.group("cake").send("to nobody").unwrap();
    handle.group("tea").send("to four").unwrap();
    for n in [0, 2, 3, 4] {
        assert_eq!(text(&mut clients[n]), "to four");
    }
    clients.iter_mut().for_each(hears_nothing);
}

#[test]
fn groups_have_bounds_and_say_so() {
    let options = Options { groups_max: 3, groups_of_connection_max: 2, ..Options::default() };
    let (server, _, peers) = start(1, options);
    let (mut clients, _) = connect_all(&server, &peers, 2);
    let refused = |error: JoinError| format!("{:?}", Err::<(), _>(error));
    assert_eq!(told(&mut clients[0], "join a"), "Ok(())");
    assert_eq!(told(&mut clients[0], "join b"), "Ok(())");
    assert_eq!(told(&mut clients[0], "join c"), refused(JoinError::TooManyMemberships));
    assert_eq!(told(&mut clients[1], "join c"), "Ok(())");
    assert_eq!(told(&mut clients[1], "join d"), refused(JoinError::TooManyGroups));
    assert_eq!(told(&mut clients[1], "join "), refused(JoinError::Name));
    assert_eq!(told(&mut clients[1], &format!("join {}", "x".repeat(256))), refused(JoinError::Name));
    assert_eq!(told(&mut clients[1], "leave c"), "true");
    assert_eq!(told(&mut clients[1], "join d"), "Ok(())", "an empty group takes no room");
    assert_eq!(told(&mut clients[1], "neighbours"), "2");
}

#[test]
fn a_full_inbox_is_told_and_nothing_is_sent_to_anybody() {
    let (server, handle, peers, holder) = start_with_hold(2, Options { events_max: 4, ..Options::default() });
    let (mut clients, handles) = connect_all(&server, &peers, 12);
    // One shard is kept from its inbox.
    clients[0].send(Tung::text("hold")).unwrap();
    holder.begun();
    let mut sent = 0;
    while handles[0].send("filler").is_ok() {
        sent += 1;
    }
    let Err(BroadcastError { shards }) = handle.broadcast("lost") else { panic!("no room") };
    assert_eq!(shards.len(), 1, "which shard is told");
    assert!(handle.group("any").send("lost").is_err() && handle.send_to(&handles, "lost").is_err());
    assert_eq!(handle.peers(PATIENCE).map(|peers| peers.len()).ok(), None);
    drop(holder);
    (0..sent).for_each(|_| assert_eq!(text(&mut clients[0]), "filler"));
    let until = Instant::now() + PATIENCE;
    while handle.broadcast("whole again").is_err() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    clients.iter_mut().for_each(|client| assert_eq!(text(client), "whole again"));
}

#[test]
fn a_full_inbox_of_another_server_is_not_told_as_one_of_ours() {
    let (_ours, handle, _) = start(1, Options::default());
    let (theirs, _, peers, holder) = start_with_hold(1, Options { events_max: 4, ..Options::default() });
    let (mut clients, handles) = connect_all(&theirs, &peers, 1);
    clients[0].send(Tung::text("hold")).unwrap();
    holder.begun();
    while handles[0].send("filler").is_ok() {}
    let error = handle.send_to(&handles, "lost").unwrap_err();
    assert_eq!(error, BroadcastError { shards: Vec::new() });
    assert!(error.to_string().contains("another server"), "{error}");
}

#[test]
fn who_does_not_read_is_closed_and_others_hear_on() {
    let (server, handle, peers) = start(1, Options { outbox_bytes_max: 100_000, ..Options::default() });
    let (mut clients, _) = connect_all(&server, &peers, 3);
    let long = vec![7; 90_000];
    let mut slow = clients.remove(0);
    // More than the system's buffers and the outbox hold together.
    for _ in 0..200 {
        handle.broadcast(&long).unwrap();
        clients.iter_mut().for_each(|client| assert_eq!(client.read().unwrap().len(), long.len()));
    }
    handle.broadcast("after it").unwrap();
    clients.iter_mut().for_each(|client| assert_eq!(text(client), "after it"));
    let code = loop {
        if let Tung::Close(Some(frame)) = slow.read().unwrap() {
            break u16::from(frame.code);
        }
    };
    assert_eq!(code, 1013);
}
