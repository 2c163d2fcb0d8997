//! What one side encodes the other decodes, whatever it is; and whatever arrives, nobody panics.

use crate::any_message::{command, server_message};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use wavecast_protocol::centrifuge::{Encoding, ServerMessage, json, protobuf};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_survive_json(commands in vec(command(), 1..5)) {
        let mut frame = Vec::new();
        for command in &commands {
            json::encode_command(command, &mut frame);
            frame.push(b'\n');
        }
        let frame = String::from_utf8(frame).unwrap();
        let read: Result<Vec<_>, _> = json::commands(&frame).collect();
        prop_assert_eq!(read.unwrap(), commands);
    }

    #[test]
    fn commands_survive_protobuf(commands in vec(command(), 1..5)) {
        let mut frame = Vec::new();
        for command in &commands {
            protobuf::encode_command(command, &mut frame);
        }
        let read: Result<Vec<_>, _> = protobuf::commands(&frame).collect();
        prop_assert_eq!(read.unwrap(), commands);
    }

    #[test]
    fn server_messages_survive_json(message in server_message()) {
        let mut line = Vec::new();
        match &message {
            ServerMessage::Reply(reply) => json::encode_reply(reply, &mut line),
            ServerMessage::Push(push) => json::encode_push(push, &mut line),
            ServerMessage::Ping => line.extend_from_slice(json::PING),
        }
        let line = String::from_utf8(line).unwrap();
        let read: Result<Vec<_>, _> = json::messages(&line).collect();
        prop_assert_eq!(read.unwrap(), [message]);
    }

    #[test]
    fn server_messages_survive_protobuf(messages in vec(server_message(), 1..4)) {
        let mut frame = Vec::new();
        for message in &messages {
            match message {
                ServerMessage::Reply(reply) => protobuf::encode_reply(reply, &mut frame),
                ServerMessage::Push(push) => protobuf::encode_push(push, &mut frame),
                ServerMessage::Ping => frame.extend_from_slice(protobuf::PING),
            }
        }
        let read: Result<Vec<_>, _> = protobuf::messages(&frame).collect();
        prop_assert_eq!(read.unwrap(), messages);
    }

    #[test]
    fn a_protobuf_frame_that_is_cut_short_is_refused(command in command(), message in server_message()) {
        let mut frame = Vec::new();
        protobuf::encode_command(&command, &mut frame);
        for end in 0..frame.len() {
            prop_assert!(protobuf::commands(&frame[..end]).any(|command| command.is_err()), "cut at {}", end);
        }
        frame.clear();
        match &message {
            ServerMessage::Reply(reply) => protobuf::encode_reply(reply, &mut frame),
            ServerMessage::Push(push) => protobuf::encode_push(push, &mut frame),
            ServerMessage::Ping => frame.extend_from_slice(protobuf::PING),
        }
        for end in 0..frame.len() {
            prop_assert!(protobuf::messages(&frame[..end]).any(|message| message.is_err()), "cut at {}", end);
        }
    }

    #[test]
    fn a_json_frame_that_is_cut_short_is_refused(command in command(), message in server_message()) {
        let (mut line, mut reply) = (Vec::new(), Vec::new());
        json::encode_command(&command, &mut line);
        for end in 0..line.len() {
            prop_assert!(Encoding::Json.commands(&line[..end]).any(|command| command.is_err()), "cut at {}", end);
        }
        if let ServerMessage::Reply(content) = &message {
            json::encode_reply(content, &mut reply);
        }
        for end in 0..reply.len() {
            prop_assert!(Encoding::Json.messages(&reply[..end]).any(|message| message.is_err()), "cut at {}", end);
        }
    }

    #[test]
    fn bytes_that_are_changed_are_read_or_refused(
        command in command(), message in server_message(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut frame = Vec::new();
        protobuf::encode_command(&command, &mut frame);
        if let ServerMessage::Reply(reply) = &message {
            protobuf::encode_reply(reply, &mut frame);
        }
        for (at, byte) in changes {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        protobuf::commands(&frame).for_each(drop);
        protobuf::messages(&frame).for_each(drop);
    }

    #[test]
    fn any_bytes_are_read_or_refused(frame in vec(any::<u8>(), 0..64)) {
        protobuf::commands(&frame).for_each(drop);
        protobuf::messages(&frame).for_each(drop);
    }

    #[test]
    fn any_text_is_read_or_refused(
        frame in prop_oneof![any::<String>(), "[{}\\[\\]\":,a-z0-9 \n]{0,40}", "(\\{\"(id|send|ping)\":[0-9{}]{1,3}\\}?\n?){1,4}"]
    ) {
        json::commands(&frame).for_each(drop);
        json::messages(&frame).for_each(drop);
    }

    #[test]
    fn compacting_keeps_the_value(value in json_value(), breaks in "[ \t\r\n]{0,3}") {
        let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', &format!("\n{breaks}"));
        let compact = json::compact(pretty.as_bytes()).unwrap();
        prop_assert!(!compact.contains(&b'\n') && !compact.contains(&b'\r'));
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&compact).unwrap(), value);
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}
