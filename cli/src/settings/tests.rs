use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use clap::{CommandFactory as _, Parser};
use pointsman_edge::config::{Config, Egress, Limits};

use super::*;
use crate::commands::Cli;

const SETTINGS_DOC: &str = include_str!("../../../docs/settings.md");

#[derive(Debug, Parser)]
struct Servers {
    #[command(flatten)]
    edge: EdgeSettings,
    #[command(flatten)]
    tls: TlsSettings,
    #[command(flatten)]
    egress: EgressSettings,
}

fn config(flags: &[&str]) -> Config {
    let servers =
        Servers::try_parse_from(["x"].iter().chain(flags)).unwrap_or_else(|error| panic!("{error}"));
    servers.edge.config("e", "http://127.0.0.1:7070", &servers.tls, &servers.egress)
}

/// The flags' defaults are those of the library.
#[test]
fn defaults_are_one_and_the_same() {
    let (set, default) = (config(&[]), Config::new("e", "http://127.0.0.1:7070"));
    assert_eq!(format!("{set:?}"), format!("{default:?}"));
}

/// Each limit has a flag, and each flag reaches its limit.
#[test]
fn each_flag_reaches_its_place() {
    let config = config(&[
        "--preprocess-reply=1KiB",
        "--upstream-connect-timeout=1s",
        "--upstream-head-timeout=2s",
        "--upstream-idle-timeout=3s",
        "--upstream-keepalive=4s",
        "--client-head-timeout=5s",
        "--client-request-timeout=6s",
        "--client-keepalive=7s",
        "--header-limit=2KiB",
        "--connections=8",
        "--deployment-requests=9",
        "--body-memory=3MiB",
        "--drain=0s",
        "--egress=public",
        "--edge-listen=[::1]:1",
        "--status-listen=127.0.0.1:2",
        "--trusted-proxy=10.0.0.0/8,192.0.2.1",
        "--trusted-proxy=::1",
        "--tls-cert=c",
        "--tls-key=k",
        "--upstream-ca=u",
        "--preprocess-socket-dir=/s",
    ]);
    // Written in full: a new limit without a flag does not compile here.
    let Limits {
        preprocess_reply_bytes,
        upstream_connect,
        upstream_head,
        upstream_idle,
        upstream_keepalive,
        client_head,
        client_request,
        client_keepalive,
        header_bytes,
        connections,
        deployment_requests,
        body_memory_bytes,
        drain,
    } = config.limits;
    let seconds = [
        upstream_connect,
        upstream_head,
        upstream_idle,
        upstream_keepalive,
        client_head,
        client_request,
        client_keepalive,
        drain,
    ];
    assert_eq!(seconds.map(|duration| duration.as_secs()), [1, 2, 3, 4, 5, 6, 7, 0]);
    assert_eq!(
        [preprocess_reply_bytes, header_bytes, connections, deployment_requests, body_memory_bytes],
        [1024, 2048, 8, 9, 3 << 20]
    );
    assert_eq!(config.egress, Egress::Public);
    assert_eq!(config.edge_listen, SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 1)));
    assert_eq!(config.status_listen, SocketAddr::from(([127, 0, 0, 1], 2)));
    let proxies: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.1/32", "::1/128"]);
    let tls = config.tls.expect("TLS");
    assert_eq!((tls.cert, tls.key), ("c".into(), "k".into()));
    assert_eq!(config.upstream_ca, Some("u".into()));
    assert_eq!(config.preprocess_socket_dir, Some("/s".into()));
    assert_eq!(drain, Duration::ZERO);
}

#[test]
fn a_certificate_needs_its_key() {
    for flag in ["--tls-cert=c", "--tls-key=k"] {
        assert!(Servers::try_parse_from(["x", flag]).is_err(), "{flag}");
    }
}

/// Each setting of a server, and of the connection to one, is a flag and the environment variable of the same name.
#[test]
fn each_setting_is_a_flag_and_a_variable() {
    for command in Cli::command().get_subcommands() {
        let server = ["up", "control-plane", "edge"].contains(&command.get_name());
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let Some(flag) = arg.get_long() else { continue };
            let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            // An edge must not show the token that is meant for the admin commands on the same machine.
            let whose = if command.get_name() == "edge" && flag.starts_with("token") { "EDGE_" } else { "" };
            let expected = format!("POINTSMAN_{whose}{}", flag.to_uppercase().replace('-', "_"));
            let place = format!("--{flag} of {}", command.get_name());
            match variable {
                Some(variable) => assert_eq!(variable, expected, "{place}"),
                None => assert!(!server || flag == "help", "{place} has no variable"),
            }
            assert!(arg.get_help().is_some(), "{place} has no help");
        }
    }
}

/// One row of the document for each setting: flag, variable, default; and none for what does not exist.
#[test]
fn the_document_has_each_setting() {
    let mut rows = BTreeSet::new();
    for command in Cli::command().get_subcommands() {
        for arg in command.get_arguments() {
            let (Some(flag), Some(variable)) = (arg.get_long(), arg.get_env()) else { continue };
            let default: Vec<_> =
                arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
            let default = if default.is_empty() { String::new() } else { format!("`{}`", default.join(",")) };
            rows.insert(format!("| `--{flag}` | `{}` | {default} |", variable.to_string_lossy()));
        }
    }
    for row in &rows {
        assert!(SETTINGS_DOC.contains(row), "docs/settings.md has no row that begins\n{row}");
    }
    let written = SETTINGS_DOC.lines().filter(|line| line.starts_with("| `--")).count();
    assert_eq!(written, rows.len(), "docs/settings.md has rows for settings that do not exist, or twice");
}

#[test]
fn the_commands_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn public_urls_are_checked() {
    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        settings: ControlPlaneSettings,
    }
    for url in ["hooks.example.com", "ftp://x", "https://x/?q", "https://x/#f", "https://u@x", "http://"] {
        assert!(Alone::try_parse_from(["x", "--data=d", "--public-url", url]).is_err(), "{url}");
    }
    for url in ["https://hooks.example.com", "http://127.0.0.1:8080/base/"] {
        let alone = Alone::try_parse_from(["x", "--data=d", "--public-url", url]).expect("accepted");
        assert!(alone.settings.has_public_url());
    }
}
