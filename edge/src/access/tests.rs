use std::{net::IpAddr, sync::Mutex};

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

/// An access log that keeps what it is given.
fn kept() -> (AccessLog, Arc<Mutex<Vec<Record>>>) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&records);
    (AccessLog::new(move |record| write.lock().unwrap().push(record.clone())), records)
}

fn arrived(protocol: Protocol) -> Record {
    Record::new(Uuid::nil().into(), IpAddr::from([127, 0, 0, 1]).into(), protocol)
}

#[test]
fn there_is_one_record_and_one_count_whatever_happens_and_no_secret_in_it() {
    let (metrics, (log, records)) = (Metrics::new(), kept());
    let deployment: DeploymentName = "integrations/acme/deployments/first".parse().unwrap();
    let before = Duration::from_millis(1);
    let mut line = Line::new(arrived(Protocol::Http2), Instant::now() - before, &log, &metrics);
    line.record.endpoint = EndpointToken::parse("secret-part-of-the-url");
    line.record.deployment = Some(deployment.clone());
    line.record.stages.decide = Some(Duration::from_micros(5));
    line.refused(&Refusal::new(Outcome::FlowUnknown, "no such flow"));
    line.refused(&Refusal::new(Outcome::FlowUnknown, "what came of it"));
    line.record.status = Some(StatusCode::UNPROCESSABLE_ENTITY);
    drop(line);

    let records = records.lock().unwrap();
    let [record] = &records[..] else { panic!("not one record: {records:?}") };
    assert_eq!(record.ending, Ending::Refused(Outcome::FlowUnknown));
    assert_eq!(record.reason.as_deref(), Some("no such flow"));
    assert_eq!(record.deployment, Some(deployment));
    assert_eq!(record.endpoint.as_ref().map(EndpointToken::prefix), Some("secret"));
    assert!(record.stages.total >= before, "{record:?}");
    assert_eq!(
        Stages { total: Duration::ZERO, ..record.stages },
        Stages { decide: Some(Duration::from_micros(5)), ..Stages::default() }
    );
    assert!(!format!("{record:?}").contains("part-of-the-url"));
    let counted = r#"requests_total{outcome="flow_unknown",status="4xx"} 1"#;
    assert!(metrics.encode().contains(counted), "{}", metrics.encode());
}

#[test]
fn a_request_that_is_cut_short_by_our_own_end_has_its_record_too() {
    let (metrics, (log, records)) = (Metrics::new(), kept());
    drop(Line::new(arrived(Protocol::Http1), Instant::now(), &log, &metrics));
    let endings: Vec<_> = records.lock().unwrap().iter().map(|record| record.ending).collect();
    assert_eq!(endings, [Ending::Refused(Outcome::NotReady)]);
    assert!(metrics.encode().contains(r#"requests_total{outcome="not_ready",status="none"} 1"#));
}
