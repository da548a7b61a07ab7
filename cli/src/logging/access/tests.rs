use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex},
};

use http::StatusCode;
use pointsman_edge::access::{Ending, Protocol};
use pointsman_routing::outcome::Outcome;
use serde_json::{Map, Value, json};
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, time},
};
use uuid::Uuid;

use super::*;

fn line<const JSON: bool>(record: &Record) -> Vec<u8> {
    let mut line = b"an earlier one".to_vec();
    write_line::<JSON>(record, &mut line);
    line
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("what was written").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Written {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().expect("what was written"))).expect("text")
    }
}

const TEXTS: [&str; 12] = [
    "",
    "plain",
    "two words",
    "a \"quote\"",
    "back\\slash",
    "line\nfeed",
    "a=1 outcome=\"forged\"",
    "\r\u{1b}[31mred\u{7}\u{8}\u{c}\u{7f}",
    "Zoë",
    "\u{85}\u{9b}\u{2028}\u{200e}",
    "'single'\ttab\0nul",
    "🦀",
];

/// As little as there can be to say.
fn least() -> Record {
    let record = Record::new(Uuid::nil().into(), IpAddr::from([127, 0, 0, 1]).into(), Protocol::Http1);
    Record { ending: Ending::ClientClosed, ..record }
}

/// All that there can be to say.
fn most(reason: &str) -> Record {
    let time = |us| Some(Duration::from_micros(us));
    Record {
        execution_id: "0199c0de-0042-7abc-8def-0123456789ab".parse::<Uuid>().expect("an id").into(),
        revision: i64::MAX,
        peer: IpAddr::from([203, 0, 113, 255]).into(),
        protocol: Protocol::Http2,
        method: Some("X!#$%&'*+-.^_`|~9".parse().expect("a method")),
        endpoint: EndpointToken::parse("secret-part-of-the-url"),
        integration: Some(IntegrationId::parse("acme-erp").expect("an id")),
        deployment: Some("integrations/acme-erp/deployments/B.1_2".parse().expect("a name")),
        flow: Some(FlowKey::parse("new-order").expect("a key")),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
        ending: Ending::Refused(Outcome::FlowUnknown),
        status: Some(StatusCode::UNPROCESSABLE_ENTITY),
        reason: Some(reason.to_owned()),
        bytes_in: u64::MAX,
        bytes_out: 10,
        stages: Stages {
            receive: time(0),
            preprocess: time(9),
            decide: time(10),
            upstream: time(99),
            response: time(1_234_567),
            total: Duration::MAX,
        },
    }
}

fn records() -> Vec<Record> {
    let mut records = vec![least()];
    records.extend(TEXTS.map(most));
    for peer in
        [IpAddr::from([0, 10, 100, 9]), Ipv6Addr::LOCALHOST.into(), "2001:db8::1:a".parse().expect("one")]
    {
        records.push(Record { peer: peer.into(), revision: i64::MIN, ending: Ending::Forwarded, ..least() });
    }
    records
}

/// The line, taken apart.
fn fields(record: &Record) -> Map<String, Value> {
    serde_json::from_slice(&line::<true>(record)).expect("a JSON object")
}

#[test]
fn a_line_has_the_fields_that_are_documented_and_no_secret() {
    let mut fields = fields(&most("no such flow"));
    fields.remove("timestamp").expect("a moment");
    let expected = json!({
        "level": "INFO",
        "target": "pointsman::access",
        "execution_id": "0199c0de-0042-7abc-8def-0123456789ab",
        "outcome": "flow_unknown",
        "status": 422,
        "revision": i64::MAX,
        "endpoint": "secret",
        "integration": "acme-erp",
        "deployment": "B.1_2",
        "flow": "new-order",
        "method": "X!#$%&'*+-.^_`|~9",
        "protocol": "http2",
        "peer": "203.0.113.255",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "reason": "no such flow",
        "bytes_in": u64::MAX,
        "bytes_out": 10,
        "receive_us": 0,
        "preprocess_us": 9,
        "decide_us": 10,
        "upstream_us": 99,
        "response_us": 1_234_567,
        "total_us": u64::MAX,
    });
    assert_eq!(Value::Object(fields), expected);
}

#[test]
fn a_line_leaves_out_what_there_is_not() {
    let fields = fields(&least());
    let fields: BTreeSet<_> = fields.keys().map(String::as_str).collect();
    let expected = [
        "timestamp",
        "level",
        "target",
        "execution_id",
        "outcome",
        "revision",
        "protocol",
        "peer",
        "bytes_in",
        "bytes_out",
        "total_us",
    ];
    assert_eq!(fields, BTreeSet::from(expected));
}

/// The line as we write it, and as the library does.
fn lines(format: LogFormat, record: &Record) -> [String; 2] {
    let theirs = Written::default();
    let library = tracing_subscriber::fmt().with_writer(theirs.clone()).with_ansi(false);
    let (ours, (start, length)) = match format {
        LogFormat::Human => {
            tracing::subscriber::with_default(library.finish(), || record.say());
            (line::<false>(record), (0, 27))
        }
        LogFormat::Json => {
            let library = library.json().flatten_event(true).finish();
            tracing::subscriber::with_default(library, || record.say());
            (line::<true>(record), (14, 27))
        }
    };
    [String::from_utf8(ours).expect("text"), theirs.take()].map(|line| {
        // The moments differ.
        let moment = &line[start..start + length];
        assert!(moment.ends_with('Z') && moment.as_bytes()[19] == b'.', "{line}");
        line.replacen(moment, "…", 1)
    })
}

#[test]
fn lines_are_what_the_library_would_write() {
    for format in [LogFormat::Human, LogFormat::Json] {
        for record in records() {
            let [ours, theirs] = lines(format, &record);
            assert_eq!(ours, theirs, "{format:?} of {record:?}");
            assert_eq!(ours.lines().count(), 1, "{ours:?}");
        }
    }
}

#[test]
fn a_moment_is_written_as_the_library_writes_it() {
    let moment = || {
        let mut text = String::new();
        time::SystemTime.format_time(&mut Writer::new(&mut text)).expect("a moment");
        text
    };
    let before = moment();
    let lines = [(); 3].map(|()| String::from_utf8(line::<false>(&least())).expect("text"));
    let after = moment();
    for line in lines {
        let said = &line[..before.len()];
        assert!(*before <= *said && *said <= *after, "{before} {said} {after}");
    }
}

#[test]
fn what_is_not_to_be_logged_is_not() {
    for (filter, logged) in [
        ("info", true),
        ("warn", false),
        ("warn,pointsman::access=info", true),
        ("info,pointsman::access=off", false),
        ("debug,pointsman::access=warn", false),
    ] {
        let written = Written::default();
        let lines = Lines::start(written.clone());
        let access = log(LogFormat::Human, lines.clone());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter).expect("a filter"))
            .with_writer(io::sink)
            .finish();
        tracing::subscriber::with_default(subscriber, || access.write(&least()));
        lines.flush();
        assert_eq!(written.take().lines().count(), usize::from(logged), "{filter}");
    }
}
