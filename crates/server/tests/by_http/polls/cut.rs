//! A client that is cut off at any byte, and comes back with the last position that it has read, gets each publication once and
//! in order, or is told of a gap.

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use wavecast_server::PushServer;

use crate::served::{Answer, Connection, SOON, poll, publish, with_server};

/// Reads an answer up to a number of bytes and cuts the connection there; what of it was whole counts.
async fn cut_at(server: &PushServer, target: &str, cut: usize) -> Option<Answer> {
    let mut connection = Connection::to(server.address()).await;
    connection.ask(target, "").await;
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < cut {
            let mut piece = vec![0; (cut - bytes.len()).min(4096)];
            let count = connection.stream.read(&mut piece).await.unwrap();
            assert!(count > 0);
            bytes.extend_from_slice(&piece[..count]);
            if Answer::of(&bytes).is_some() {
                break;
            }
        }
    };
    timeout(SOON, read).await.expect("an answer in time");
    // With bytes unread this is a reset.
    connection.stream.set_zero_linger().unwrap();
    drop(connection);
    Answer::of(&bytes).map(|(answer, _)| answer)
}

#[test]
fn each_publication_once_or_a_gap_wherever_the_connection_is_cut() {
    with_server(&[], async |server| {
        // `small` keeps three: whoever is cut off too often loses some, and is told.
        let mut next = poll(server, "channels=news,small:a").await.next();
        let mut published = 0_u64;
        let (mut seen_news, mut seen_small, mut gaps) = (0, 0, 0);
        let whole = poll(server, &format!("channels=news,small:a&since={next}")).await;
        let length = whole.head.len() + whole.body.len() + 200;
        // Each cut is one byte further into the answer; now and then one arrives whole.
        for cut in (0..length).step_by(3).flat_map(|cut| [cut, cut + 1, usize::MAX]) {
            published += 1;
            publish(server.node(), "news", published).await;
            publish(server.node(), "small:a", published).await;
            if published.is_multiple_of(11) {
                for _ in 0..3 {
                    published += 1;
                    publish(server.node(), "news", published).await;
                    publish(server.node(), "small:a", published).await;
                }
            }
            let wait = published % 2 * 5;
            let target = format!("/connection/poll?channels=news,small:a&since={next}&wait={wait}");
            let Some(answer) = cut_at(server, &target, cut).await else { continue };
            let json = answer.json();
            if json["gap"] == true {
                assert_eq!(json["gaps"], serde_json::json!(["small:a"]));
                gaps += 1;
                // It loads its state anew, which has all that was published.
                seen_small = published;
            }
            for publication in json["publications"].as_array().unwrap() {
                let seen = if publication["channel"] == "news" { &mut seen_news } else { &mut seen_small };
                *seen += 1;
                assert_eq!(publication["data"], *seen, "lost, repeated or out of order after a cut at {cut}");
            }
            assert_eq!((seen_news, seen_small), (published, published), "cut at {cut}");
            next = answer.next();
        }
        assert!(gaps > 0, "some were cut off for too long");
    });
}
