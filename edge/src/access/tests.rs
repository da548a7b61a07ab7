use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use uuid::Uuid;

use super::*;

#[test]
fn a_trace_id_is_read_from_one_well_formed_traceparent_only() {
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (values, expected) in [
        (&[good][..], Some("0af7651916cd43dd8448eb211c80319c")),
        (&[], None),
        (&[good, good], None),
        (&["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"], None),
        (&["00-0af7-b7ad6b7169203331-01"], None),
        (&["nonsense"], None),
    ] {
        let headers = values.iter().map(|value| ("traceparent", value)).collect();
        assert_eq!(trace_id(&headers).as_deref(), expected, "{values:?}");
    }
}

/// Keeps the fields of each event.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<BTreeMap<String, String>>>>);

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

#[test]
fn there_is_one_line_and_one_count_whatever_happens_and_no_secret_in_it() {
    let (events, metrics) = (Events::default(), Metrics::new());
    let record = Record::new(Uuid::nil().into(), IpAddr::from([127, 0, 0, 1]).into(), Protocol::Http2);
    // Another test may be the first one to say a record while our subscriber comes in, and then nobody is asked again.
    record.say();
    tracing::subscriber::with_default(events.clone(), || {
        tracing::callsite::rebuild_interest_cache();
        let log = AccessLog::default();
        let mut line = Line::new(record, Instant::now(), &log, &metrics);
        line.record.revision = 7;
        line.record.endpoint = EndpointToken::parse("secret-part-of-the-url");
        line.record.deployment = Some("integrations/acme/deployments/first".parse().unwrap());
        line.record.stages.decide = Some(Duration::from_micros(5));
        line.refused(&Refusal::new(Outcome::FlowUnknown, "no such flow"));
        line.record.status = Some(StatusCode::UNPROCESSABLE_ENTITY);
        line.record.bytes_in = 3;
    });
    let events = events.0.lock().unwrap();
    let [line] = &events[..] else { panic!("not one line: {events:?}") };
    for (field, expected) in [
        ("execution_id", "00000000-0000-0000-0000-000000000000"),
        ("outcome", "flow_unknown"),
        ("status", "422"),
        ("revision", "7"),
        ("endpoint", "secret"),
        ("deployment", "first"),
        ("protocol", "http2"),
        ("peer", "127.0.0.1"),
        ("reason", "no such flow"),
        ("bytes_in", "3"),
        ("decide_us", "5"),
    ] {
        assert_eq!(line.get(field).map(String::as_str), Some(expected), "{field} of {line:?}");
    }
    assert!(line.contains_key("total_us"), "{line:?}");
    for absent in ["receive_us", "upstream_us", "flow", "trace_id"] {
        assert!(!line.contains_key(absent), "{absent} of {line:?}");
    }
    assert!(!format!("{line:?}").contains("part-of-the-url"));
    let counted = r#"requests_total{outcome="flow_unknown",status="4xx"} 1"#;
    assert!(metrics.encode().contains(counted), "{}", metrics.encode());
}

#[test]
fn a_request_that_is_cut_short_by_our_own_end_has_its_line_too() {
    let metrics = Metrics::new();
    let record = Record::new(Uuid::nil().into(), IpAddr::from([127, 0, 0, 1]).into(), Protocol::Http1);
    drop(Line::new(record, Instant::now(), &AccessLog::default(), &metrics));
    assert!(metrics.encode().contains(r#"requests_total{outcome="not_ready",status="none"} 1"#));
}
