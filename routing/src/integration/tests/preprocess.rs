//! Preprocess services.

use std::{path::Path, time::Duration};

use super::super::{PreprocessAddressError as Error, *};
use crate::url::HttpOriginError;

fn parse(spec: PreprocessSpec) -> Result<Preprocess, Vec<String>> {
    Preprocess::parse(spec).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
}

fn service() -> PreprocessSpec {
    PreprocessSpec { address: "http://127.0.0.1:50061".to_owned(), ..Default::default() }
}

#[test]
fn a_service_has_defaults() {
    let preprocess = parse(service()).unwrap();
    assert_eq!(preprocess.timeout, Duration::from_secs(5));
    assert!(preprocess.send_body && preprocess.metadata.is_empty());
    assert!(!parse(PreprocessSpec { omit_body: true, ..service() }).unwrap().send_body);
}

#[test]
fn timeouts_are_above_zero_and_at_most_a_minute() {
    let timeout = |timeout| parse(PreprocessSpec { timeout: Some(timeout), ..service() });
    for good in [Duration::from_nanos(1), Duration::from_secs(60)] {
        assert_eq!(timeout(good).unwrap().timeout, good);
    }
    for bad in [Duration::ZERO, Duration::from_millis(60_001), Duration::MAX] {
        assert_eq!(timeout(bad), Err(vec!["timeout".to_owned()]));
    }
}

#[test]
fn metadata_is_checked_by_name_and_kept_secret() {
    let metadata = |pairs: &[(&str, &str)]| PreprocessSpec {
        metadata: pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..service()
    };
    let spec = metadata(&[("authorization", "Bearer s3cret"), ("x-key", "k")]);
    assert!(!format!("{spec:?}").contains("s3cret"));
    let preprocess = parse(spec).unwrap();
    assert!(!format!("{preprocess:?}").contains("s3cret"));
    assert_eq!(preprocess.metadata.len(), 2);
    assert!(preprocess.metadata.iter().all(|(_, value)| value.is_sensitive()));
    assert_eq!(
        parse(metadata(&[("Bad", "x"), ("good", "x"), ("grpc-x", "x"), ("y", "")])).unwrap_err(),
        ["metadata[\"Bad\"]", "metadata[\"grpc-x\"]", "metadata[\"y\"]"]
    );
    let many = |count: usize| PreprocessSpec {
        metadata: (0..count).map(|n| (format!("k{n}"), "v".to_owned())).collect(),
        ..service()
    };
    parse(many(MAX_METADATA)).unwrap();
    assert_eq!(parse(many(MAX_METADATA + 1)).unwrap_err(), ["metadata"]);
}

#[test]
fn tcp_addresses_are_a_host_and_a_port() {
    for (text, tls, host, port, shown) in [
        ("http://127.0.0.1:50061", false, "127.0.0.1", 50061, "http://127.0.0.1:50061"),
        ("http://h", false, "h", 80, "http://h:80"),
        ("https://H.example/", true, "h.example", 443, "https://h.example:443"),
        ("https://[::1]:1", true, "::1", 1, "https://[::1]:1"),
        ("http://127.1", false, "127.0.0.1", 80, "http://127.0.0.1:80"),
    ] {
        let address = PreprocessAddress::parse(text).unwrap();
        assert_eq!(address, PreprocessAddress::Tcp { tls, host: host.into(), port });
        assert_eq!(address.to_string(), shown);
    }
    for text in ["http://h/a", "http://h//", "http://h?a", "http://h/?", "http://h#", "http://h:1/#a"] {
        assert_eq!(PreprocessAddress::parse(text), Err(Error::Path), "{text}");
    }
    for text in ["", "h:1", "127.0.0.1:50061", "dns:h:1", "localhost", "http:h"] {
        assert_eq!(PreprocessAddress::parse(text), Err(Error::Form), "{text}");
    }
    for (text, error) in [
        ("grpc://h:1", HttpOriginError::Scheme),
        ("http://u@h:1", HttpOriginError::Userinfo),
        ("http://h:0", HttpOriginError::Port),
        ("http://", HttpOriginError::NoHost),
        ("http://a b", HttpOriginError::Character),
    ] {
        assert_eq!(PreprocessAddress::parse(text), Err(Error::Origin(error)), "{text}");
    }
}

#[test]
fn sockets_are_absolute_paths_with_one_reading() {
    for text in ["unix:/run/pre.sock", "unix:///run/pre.sock"] {
        let address = PreprocessAddress::parse(text).unwrap();
        assert_eq!(address, PreprocessAddress::Unix(Path::new("/run/pre.sock").into()));
        assert_eq!(address.to_string(), "unix:/run/pre.sock");
    }
    PreprocessAddress::parse("unix:/a/..b/%2e/c d").unwrap();
    for text in [
        "unix:",
        "unix:/",
        "unix://",
        "unix:///",
        "unix:a",
        "unix:./a",
        "unix://host/a",
        "unix:/a/../b",
        "unix:/..",
        "unix:/./a",
        "unix:/a//b",
        "unix:/a/",
        "unix:////a",
        "unix:/a\0b",
        "unix:/a\n",
        "unix:@abstract",
    ] {
        assert_eq!(PreprocessAddress::parse(text), Err(Error::SocketPath), "{text}");
    }
    let longest = format!("unix:/{}", "x".repeat(106));
    PreprocessAddress::parse(&longest).unwrap();
    assert_eq!(PreprocessAddress::parse(&(longest + "x")), Err(Error::SocketPathLength));
}
