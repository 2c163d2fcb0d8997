//! `bench demo`: what the demo applications cost a server whose pages many people have open.
//!
//! | room | what it holds |
//! | --- | --- |
//! | `link`, `scene`, `crowd` | a visitor's connection, what visitors have in common, the process that is all of them |
//! | `agenda`, `note` | what visitors are going to do; messages that say when they were sent |
//! | `chat`, `board` | the visitors of each demo |
//! | `course`, `figures` | one run; what came of it, for people and for programs |

mod agenda;
mod board;
mod chat;
mod course;
mod crowd;
mod figures;
mod link;
mod note;
mod scene;

use clap::ValueEnum;

use self::course::Course;
use self::figures::Figures;
use super::control::ScenePlan;
use super::descriptors;
use super::error::BenchError;
use super::run::RunOptions;
use super::server::ServerOptions;

/// Puts a crowd in front of the demo applications, one after the other
///
/// Visitors are headless and do what the pages do: the same channels and commands, tokens from the demos' own logins, JSON
/// (in the game Protobuf). All visitors of a demo are in one process, and the server, with all demos beside it, in another,
/// started anew for each. The delay is measured from the stamp in a message to the end of the read that brought it in.
///
/// chat: everybody in a room of --chatters ÷ --rooms says something every --pause seconds and that it is typing a second
/// before, and tells its own devices what was read. monitoring: viewers of the board. Exit code 1 when a message was lost,
/// came twice or out of order, or a command was refused.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DemoOptions {
    /// Which of them [default: all]
    #[arg(value_enum)]
    demos: Vec<Demo>,

    #[command(flatten)]
    server: ServerOptions,

    /// monitoring: viewers of the board
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    viewers: u32,

    /// chat: chatters in all rooms together
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    chatters: u32,

    /// chat: rooms
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rooms: u32,

    /// chat: seconds between two messages of one chatter; the demo's hook allows one a second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3600))]
    pause: u32,

    /// Seconds that are measured, of each demo
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,

    #[command(flatten)]
    run: RunOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Demo {
    Chat,
    Monitoring,
}

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
        let (name, scene, visitors, ways): (_, _, _, &'static [&'static str]) = match demo {
            Demo::Chat => {
                let &Self { chatters, rooms, pause, .. } = self;
                let scene = ScenePlan::Chat { chatters, rooms, pause_ms: pause * 1000 };
                (
                    "chat",
                    scene,
                    chatters,
                    &["from sending a message to its arrival at each other of the room"],
                )
            }
            Demo::Monitoring => {
                let scene = ScenePlan::Monitoring { viewers: self.viewers };
                (
                    "monitoring",
                    scene,
                    self.viewers,
                    &["from the time in the prices (whole ms, so up to 1 ms too long) to a viewer"],
                )
            }
        };
        Course { name, scene, visitors, ways, seconds: self.seconds }
    }
}
