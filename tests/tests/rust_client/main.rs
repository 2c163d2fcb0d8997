//! The house's own client against the house's server, as two programs: every feature that clients have, in JSON and in
//! Protobuf, and a link between them that fails.
//!
//! | room | what is seen there |
//! | --- | --- |
//! | `person` | how the others connect, listen and wait |
//! | `connection_tokens`, `subscription_tokens` | tokens: taken, refused, over, fetched anew |
//! | `access` | who may do what, with which error otherwise |
//! | `publications`, `tags`, `deltas` | what was published is what arrives, to whom it is for |
//! | `history`, `presence` | what was, and who is there |
//! | `server_subscriptions`, `orders` | what the back end does to connections and subscriptions |
//! | `hooks` | what the back end is asked |
//! | `cuts`, `recovery` | a link that is cut, a server that starts anew, and what can be had again |
//! | `slow_link` | a link that takes less than is published |

/// Makes two tests of each function: with JSON and with Protobuf.
macro_rules! in_both_encodings {
    ($($test:ident),+ $(,)?) => {
        mod json {
            $(#[tokio::test]
            async fn $test() {
                super::$test(wavecast_client::Encoding::Json).await;
            })+
        }
        mod protobuf {
            $(#[tokio::test]
            async fn $test() {
                super::$test(wavecast_client::Encoding::Protobuf).await;
            })+
        }
    };
}

mod access;
mod connection_tokens;
mod cuts;
mod deltas;
mod history;
mod hooks;
mod orders;
mod person;
mod presence;
mod publications;
mod recovery;
mod server_subscriptions;
mod slow_link;
mod subscription_tokens;
mod tags;
