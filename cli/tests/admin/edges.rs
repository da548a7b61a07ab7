//! Edges as people see them: what they serve, and what they hold back.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use pointsman_proto::edge::v1::{
    Ack, HeldBack, Hello, StreamConfigRequest, config_service_client::ConfigServiceClient,
    stream_config_request::Message, stream_config_response,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::{Up, of_repository};

/// An edge of another database that holds back what it is sent until it is told to accept it. Answers when it holds back;
/// its stream lives as long as the runtime.
fn holding(runtime: &tokio::runtime::Runtime, server: &str) {
    let (told, holds) = std::sync::mpsc::channel();
    let server = server.to_owned();
    runtime.spawn(async move {
        let mut client = ConfigServiceClient::connect(server).await.expect("a connection");
        let (sender, requests) = mpsc::channel(4);
        let say = async |message| {
            sender.send(StreamConfigRequest { message: Some(message) }).await.expect("a stream");
        };
        let hello = Hello {
            edge: "edges/eu-1".to_owned(),
            version: "1.0.0".to_owned(),
            epoch: "other".to_owned(),
            revision: 77,
            hash: vec![0; 16].into(),
        };
        say(Message::Hello(hello)).await;
        let mut responses =
            client.stream_config(ReceiverStream::new(requests)).await.expect("a stream").into_inner();
        let mut hash = pointsman_proto::edge::hash::ConfigHash::default();
        let mut accepted = false;
        while let Ok(Some(response)) = responses.message().await {
            match response.message {
                Some(stream_config_response::Message::Accept(_)) => accepted = true,
                Some(stream_config_response::Message::Chunk(chunk)) => {
                    hash += chunk.upserts.iter().map(pointsman_proto::edge::hash::ConfigHash::from).sum();
                    if !chunk.commit {
                        continue;
                    }
                    let held_back = HeldBack {
                        epoch: chunk.epoch,
                        revision: chunk.revision,
                        endpoints_served: 4,
                        endpoints_removed: 3,
                        deployments_served: 2,
                        deployments_removed: 2,
                    };
                    let ack = if accepted {
                        Ack { revision: chunk.revision, hash: hash.to_wire(), ..Ack::default() }
                    } else {
                        Ack {
                            revision: 77,
                            hash: vec![0; 16].into(),
                            held_back: Some(held_back),
                            ..Ack::default()
                        }
                    };
                    hash = Default::default();
                    say(Message::Ack(ack)).await;
                    let _ = told.send(());
                }
                _ => {}
            }
        }
    });
    holds.recv().expect("it holds back");
}

#[test]
fn what_an_edge_holds_back_is_shown_and_accepted() {
    let up = Up::start();
    up.apply(&of_repository("examples/acme-erp.yaml"));
    let nothing = up.run(&["edges", "accept", "local"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(3), ""));
    assert!(
        nothing.stderr.contains("edges/local holds nothing back")
            && nothing.stderr.contains("hint: `pointsman edges` shows"),
        "{nothing:?}"
    );
    assert_eq!(up.run(&["edges", "accept", "--all"]).stdout, "no edge holds anything back\n");
    assert_eq!(up.run(&["edges", "accept", "nobody"]).code, Some(1));
    assert_eq!(up.run(&["edges", "accept"]).code, Some(2));

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    holding(&runtime, &up.server);
    let shown = loop {
        let shown = up.run(&["edges"]).stdout;
        if shown.contains("HOLDS BACK") {
            break shown;
        }
    };
    assert!(shown.contains("77 of other   4 → 1       2 → 0\n"), "{shown}");
    let waited = up.run(&["delete", "integrations/acme-erp/customerMappings/a06dffac", "--wait"]);
    assert_eq!(waited.code, Some(5), "{waited:?}");
    assert!(waited.stdout.contains("accept it by `pointsman edges accept`"), "{waited:?}");

    let tried = up.run(&["edges", "accept", "eu-1", "--dry-run"]);
    assert!(tried.stdout.ends_with("dry run: nothing was accepted\n"), "{tried:?}");
    assert!(up.run(&["get", "edges/eu-1"]).stdout.contains("HOLDS BACK"));
    let accepted = up.run(&["edges", "accept", "eu-1", "--wait"]);
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    assert!(accepted.stdout.contains("accepted\n") && accepted.stdout.contains("edges/eu-1"), "{accepted:?}");
    assert!(!up.run(&["get", "edges/eu-1"]).stdout.contains("HOLDS BACK"));
    let audited = up.run(&["audit", "-n", "1"]);
    assert!(audited.stdout.contains("accepted the configuration for edges/eu-1"), "{audited:?}");
}

#[test]
fn edges_are_watched_until_a_signal() {
    let up = Up::start();
    let mut watching = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["edges", "--watch", "-o", "json", "--server", &up.server])
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("its output")).lines();
    let mut until = |revision: &str| loop {
        let line = lines.next().expect("a line").expect("text");
        let edge: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(edge["name"], "edges/local");
        if edge["revision"] == revision {
            return;
        }
    };
    up.apply(&of_repository("examples/acme-erp.yaml"));
    until("1");
    up.run(&["delete", "integrations/acme-erp/customerMappings/a06dffac"]);
    until("2");
    let interrupt = Command::new("kill").args(["-INT", &watching.id().to_string()]).status();
    assert!(interrupt.expect("kill runs").success());
    assert_eq!(watching.wait().expect("an end").code(), Some(0));
}
