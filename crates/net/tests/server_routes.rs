//! Several kinds of connections on one server, by path, each with a state of its own.

#![allow(clippy::unwrap_used, reason = "events of tests, too, may fail loudly")]

mod dialogue;

use dialogue::{Client, ask, closed, connect_to, text};
use tokio_tungstenite::tungstenite::Message as Tung;
use wavecast_net::server::{Close, Connection, Events, Opening, Request, Routes, Running, Server, Verdict};
use wavecast_net::{CloseCode, MessageRef};

/// Keeps nothing.
struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).unwrap();
    }
}

/// Keeps the room and counts messages.
struct Game;

#[derive(Default)]
struct Player {
    room: String,
    moves: u32,
}

impl Events<Player> for Game {
    fn request(&self, request: &mut Request<'_, Player>) -> Verdict {
        let room = request.param("room").unwrap_or_default().into_owned();
        if room == "closed" {
            return Verdict::refuse(403, "this room is closed");
        }
        request.state_mut().room = room;
        if request.query("later").is_some() {
            let (decision, room) = (request.later(), request.state().room.clone());
            std::thread::spawn(move || decision.answer_with(Player { room, moves: 100 }, Verdict::Upgrade));
            return Verdict::Later;
        }
        Verdict::Upgrade
    }

    fn open(&self, connection: &mut Connection<'_, Player>, opening: &Opening<'_>) {
        assert_eq!(opening.params.get("room").unwrap(), connection.state().room);
        connection.join(&connection.state().room.clone()).unwrap();
    }

    fn message(&self, connection: &mut Connection<'_, Player>, message: MessageRef<'_>) {
        let player = connection.state_mut();
        player.moves += 1;
        let line = format!("{} {} {}", player.room, player.moves, message.as_text().unwrap_or_default());
        match message.as_text() {
            Some("close") => connection.close(CloseCode::NORMAL, &line),
            Some("panic") => panic!("on purpose"),
            _ => connection.send(&line).unwrap(),
        }
    }

    fn close(&self, connection: &mut Connection<'_, Player>, _: &Close<'_>) {
        let Player { room, moves } = connection.state();
        let (room, line) = (room.clone(), format!("left after {moves}"));
        connection.group(&room).send_to_others(&line).unwrap();
    }
}

fn start() -> Running {
    let routes = Routes::new().at("/echo", Echo).at("/game/{room}", Game).at("/game/lobby", Echo);
    Server::bind_with("127.0.0.1:0", 2).unwrap().start(routes).unwrap()
}

#[test]
fn each_route_has_its_events_and_its_state() {
    let server = start();
    let mut echo = connect_to(server.address(), "/echo?x=/game/7");
    let mut one = connect_to(server.address(), "/game/gr%C3%BCn");
    let mut other = connect_to(server.address(), "/game/gr%C3%BCn");
    let hears = |client: &mut Client, said: &'static str, heard| {
        client.send(Tung::text(said)).unwrap();
        assert_eq!(text(client), heard);
    };
    hears(&mut echo, "hi", "hi");
    hears(&mut one, "a", "grün 1 a");
    hears(&mut one, "b", "grün 2 b");
    hears(&mut other, "c", "grün 1 c");
    one.send(Tung::text("close")).unwrap();
    assert_eq!(closed(&mut one), (1000, "grün 3 close".to_owned()));
    assert!(one.read().is_err());
    assert_eq!(text(&mut other), "left after 3", "the state is there until close");
    other.send(Tung::text("panic")).unwrap();
    assert_eq!(closed(&mut other).0, 1011);
    echo.send(Tung::text("still there")).unwrap();
    assert_eq!(text(&mut echo), "still there");
}

#[test]
fn the_more_exact_route_is_taken_and_others_are_404() {
    let server = start();
    let mut lobby = connect_to(server.address(), "/game/lobby");
    lobby.send(Tung::text("hi")).unwrap();
    assert_eq!(text(&mut lobby), "hi");
    for path in ["/", "/echo/", "/Echo", "/game/", "/game/7/8", "*"] {
        let (head, _) = ask(server.address(), path, "");
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
    }
    let (head, _) = ask(server.address(), "/game/closed", "");
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
}

#[test]
fn a_verdict_of_a_route_may_come_later_with_its_state() {
    let server = start();
    let mut client = connect_to(server.address(), "/game/7?later");
    client.send(Tung::text("x")).unwrap();
    assert_eq!(text(&mut client), "7 101 x");
}

#[test]
#[should_panic(expected = "matches what another route does")]
fn two_routes_for_the_same_paths_are_a_mistake() {
    drop(Routes::new().at("/game/{room}", Echo).at("/game/{other}", Game));
}
