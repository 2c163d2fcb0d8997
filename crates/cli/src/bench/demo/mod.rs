//! `bench demo`: what the demo applications cost a server whose pages many people have open.
//!
//! | room | what it holds |
//! | --- | --- |
//! | `link`, `scene`, `crowd` | a visitor's connection, what visitors have in common, the process that is all of them |
//! | `agenda`, `note` | what visitors are going to do; messages that say when they were sent |
//! | `chat`, `board`, `arena`, `inbox` | the visitors of each demo |
//! | `post` | what comes in by the HTTP API |
//! | `course`, `figures` | one run; what came of it, for people and for programs |

mod agenda;
mod arena;
mod board;
mod chat;
mod course;
mod crowd;
mod figures;
mod inbox;
mod link;
mod note;
mod post;
mod scene;

use clap::ValueEnum;

use self::course::{Course, Mail};
use self::figures::Figures;
use super::control::ScenePlan;
use super::descriptors;
use super::error::BenchError;
use super::publisher::ApiOptions;
use super::run::RunOptions;
use super::server::ServerOptions;

/// Visitors come from one address, which has some 28,000 ports towards one server.
const VISITORS_MAX: i64 = 25_000;

/// Puts a crowd in front of the demo applications, one after the other
///
/// Visitors are headless and do what the pages do: the same channels and commands, tokens from the demos' own logins, JSON
/// (in the game Protobuf). All visitors of a demo are in one process, and the server, with all demos beside it, in another,
/// started anew for each. The delay is measured from the stamp in a message to the end of the read that brought it in.
///
/// chat: everybody in a room of --chatters ÷ --rooms says something every --pause seconds and that it is typing a second
/// before, and tells its own devices what was read. monitoring: viewers of the board. game: players who steer, and watchers
/// of the same arena. notifications: users who get some for them alone and some for everybody, by the HTTP API.
///
/// Exit code 1 when a message was lost where all are promised, came twice or out of order, or a command was refused.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DemoOptions {
    /// Which of them [default: all]
    #[arg(value_enum)]
    demos: Vec<Demo>,

    #[command(flatten)]
    server: ServerOptions,

    /// monitoring: viewers of the board
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=VISITORS_MAX))]
    viewers: u32,

    /// chat: chatters in all rooms together
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=VISITORS_MAX))]
    chatters: u32,

    /// chat: rooms
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rooms: u32,

    /// chat: seconds between two messages of one chatter; the demo's hook allows one a second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3600))]
    pause: u32,

    /// game: players of the arena, who turn their ships all the time
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=50))]
    players: u32,

    /// game: watchers of the same arena
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(0..=VISITORS_MAX))]
    watchers: u32,

    /// game: inputs of a player a second; the page sends 4 while nothing changes, and at most 30
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=30))]
    inputs: u32,

    /// notifications: users, each on one device
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=VISITORS_MAX))]
    users: u32,

    /// notifications: a second, each to one user
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    to_one: u32,

    /// notifications: a second, each to all users
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1000))]
    to_all: u32,

    #[command(flatten)]
    api: ApiOptions,

    /// Seconds that are measured, of each demo; they are not counted towards --timeout
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,

    #[command(flatten)]
    run: RunOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Demo {
    Chat,
    Monitoring,
    Game,
    Notifications,
}

/// From where to where the delays are, in the order of a crowd's report.
const CHAT_WAYS: &[&str] =
    &["from sending a message to its arrival at each other of the room, the hook on its way"];
const MONITORING_WAYS: &[&str] =
    &["from the time in the prices (whole ms: up to 1 ms too long) to each viewer"];
const GAME_WAYS: &[&str] = &[
    "from a player's input to the state that follows it; the wait for the next of 30 steps a second is in it",
    "from the time of a state (whole ms: up to 1 ms too long) to each watcher",
];
const NOTIFICATIONS_WAYS: &[&str] =
    &["from the request to the user it is for", "from the request to each of all users"];

/// Runs the benchmark and returns what is to be printed.
pub(super) fn run(options: &DemoOptions) -> Result<String, BenchError> {
    let demos = if options.demos.is_empty() { Demo::value_variants() } else { &options.demos };
    let courses: Vec<_> = demos.iter().map(|demo| options.course(*demo)).collect();
    for course in &courses {
        descriptors::check(course.visitors, "crowd")?;
        options.server.check_descriptors(course.visitors)?;
    }
    let measured = courses.iter().map(|course| course.run(&options.server, options.run));
    let figures = measured.collect::<Result<Vec<Figures>, _>>()?;
    let report = if options.run.json {
        figures::json(options.seconds, &figures)
    } else {
        figures::table(options.seconds, &figures, options.server.note())
    };
    match figures::faults(&figures) {
        None => Ok(report),
        Some(faults) => Err(BenchError::Faulty { report, faults }),
    }
}

/// Worker: the visitors.
pub(super) fn crowd() -> Result<(), String> {
    crowd::run()
}

impl DemoOptions {
    fn course(&self, demo: Demo) -> Course {
        let &Self { chatters, rooms, pause, viewers, players, watchers, users, seconds, .. } = self;
        let course = |name, scene, visitors, ways, shape| Course {
            name,
            shape,
            scene,
            visitors,
            ways,
            seconds,
            mail: None,
        };
        match demo {
            Demo::Chat => {
                let scene = ScenePlan::Chat { chatters, rooms, pause_ms: pause * 1000 };
                let shape =
                    format!("{chatters} chatters in {rooms} rooms, each says something every {pause} s");
                course("chat", scene, chatters, CHAT_WAYS, shape)
            }
            Demo::Monitoring => {
                let scene = ScenePlan::Monitoring { viewers };
                course(
                    "monitoring",
                    scene,
                    viewers,
                    MONITORING_WAYS,
                    format!("{viewers} viewers of the board"),
                )
            }
            Demo::Game => {
                let inputs_per_second = self.inputs;
                let scene = ScenePlan::Game { players, watchers, inputs_per_second };
                let shape = format!(
                    "{players} players with {inputs_per_second} inputs a second each, {watchers} watchers"
                );
                course("game", scene, players + watchers, GAME_WAYS, shape)
            }
            Demo::Notifications => {
                let &Self { to_one, to_all, .. } = self;
                let mail = Mail { api: self.api.clone(), to_one, to_all };
                let scene = ScenePlan::Notifications { users };
                let shape =
                    format!("{users} users; {to_one} notifications a second to one of them, {to_all} to all");
                Course {
                    mail: Some(mail),
                    ..course("notifications", scene, users, NOTIFICATIONS_WAYS, shape)
                }
            }
        }
    }
}
