//! `IntegrationService.TestEndpoint`: between its messages and [`crate::test_endpoint`].

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pointsman_proto::admin::v1::{
    SampleRequest as SampleRequestMessage, TestCandidate, TestEndpointRequest, TestEndpointResponse,
    TestRefusal, TestRoute, TraceStep, test_endpoint_response::End, trace_step,
};
use pointsman_routing::{
    decide,
    fault::Fault,
    integration::IntegrationSpec,
    name::{DeploymentName, FlowKey},
    results::{Reply, ReplyValue},
};
use prost_types::{ListValue, Struct, Value, value::Kind};
use tonic::Status;

use super::{convert, status};
use crate::{
    domain::Caller,
    store::LookupError,
    test_endpoint::{
        Candidate, Destination, EndpointTester, Refused, Report, Sample, SampleRequest, Stage, Step,
        TestError,
    },
};

pub(super) async fn run(
    tester: &EndpointTester,
    caller: &Caller,
    request: TestEndpointRequest,
) -> Result<TestEndpointResponse, Status> {
    let (sample, faults) = read(request);
    let Some(sample) = sample else { return Err(status::from_faults(faults)) };
    tester.test(caller, sample, faults).await.map(response).map_err(|error| match error {
        TestError::Faulty(faults) => status::from_faults(faults),
        TestError::OutOfScope(name) => status::from_error(crate::registry::Error::OutOfScope(name)),
        TestError::NotFound(name) => status::from_error(crate::registry::Error::NotFound(name)),
        TestError::Lookup(LookupError::Store(error)) => status::from_error(error.into()),
        TestError::Lookup(error @ LookupError::Unusable { .. }) => status::unusable(&error),
    })
}

/// The sample as far as it can be read, and all faults. None where the integration's name cannot be: then there is
/// nothing to look at for further ones.
pub(super) fn read(request: TestEndpointRequest) -> (Option<Sample>, Vec<Fault>) {
    let TestEndpointRequest { name, proposed, deployment, flow, request } = request;
    let mut faults = Vec::new();
    let integration = convert::parse_name::<IntegrationSpec>("name", &name);
    let integration = integration.map_err(|fault| faults.push(fault)).ok();
    let proposed = proposed.map(|message| {
        if !message.name.is_empty() && message.name != name {
            faults.push(Fault::new("proposed.name", "must be the integration's, or empty"));
        }
        let (spec, found) = convert::integration::read_proposed(message);
        faults.extend(found.into_iter().map(|fault| fault.within("proposed")));
        spec
    });
    let deployment = (!deployment.is_empty()).then(|| deployment.parse::<DeploymentName>());
    let deployment = deployment.and_then(|deployment| keep(&mut faults, "deployment", deployment));
    let flow = (!flow.is_empty()).then(|| FlowKey::parse(&flow));
    let flow = flow.and_then(|flow| keep(&mut faults, "flow", flow));
    let request = read_request(request.unwrap_or_default(), &mut faults);
    let sample = integration.map(|integration| Sample { integration, proposed, deployment, flow, request });
    (sample, faults)
}

fn read_request(message: SampleRequestMessage, faults: &mut Vec<Fault>) -> SampleRequest {
    let method = match message.method.as_str() {
        "" => Some(Method::POST),
        method => keep(faults, "request.method", Method::from_bytes(method.as_bytes())),
    };
    // What HTTP's own parser would take for something else never gets to the rules about paths.
    if message.path_fragment.contains('?') {
        faults.push(Fault::new("request.path_fragment", "holds a `?`: the query is a field of its own"));
    }
    if message.path_fragment.contains(' ') {
        faults.push(Fault::new("request.path_fragment", "holds a space, which cannot be sent"));
    }
    if let Some(bad) = message.query.chars().find(|c| *c == '#' || *c == ' ' || c.is_control()) {
        faults.push(Fault::new("request.query", format_args!("holds {bad:?}, which cannot be sent")));
    }
    let mut headers = HeaderMap::new();
    for (index, header) in message.headers.into_iter().enumerate() {
        let field = |part: &str| format!("request.headers[{index}].{part}");
        let name = keep(faults, &field("name"), HeaderName::from_bytes(header.name.as_bytes()));
        let value = keep(faults, &field("value"), HeaderValue::from_bytes(&header.value));
        if let (Some(name), Some(value)) = (name, value)
            && headers.try_append(name, value).is_err()
        {
            faults.push(Fault::new("request.headers", "holds too many fields"));
            break;
        }
    }
    SampleRequest {
        method: method.unwrap_or_default(),
        path_fragment: message.path_fragment,
        query: message.query,
        headers: (&headers).into(),
        body: message.body,
    }
}

fn keep<T, E: std::fmt::Display>(faults: &mut Vec<Fault>, field: &str, parsed: Result<T, E>) -> Option<T> {
    parsed.map_err(|error| faults.push(Fault::new(field, error))).ok()
}

fn response(report: Report) -> TestEndpointResponse {
    TestEndpointResponse {
        steps: report.steps.into_iter().map(step).collect(),
        end: Some(match report.end {
            Ok(destination) => End::Route(route(destination)),
            Err(refused) => End::Refusal(refusal(refused)),
        }),
    }
}

fn refusal(Refused { outcome, detail, advice, candidates }: Refused) -> TestRefusal {
    let candidate = |Candidate { value, stands_for }| TestCandidate { value, stands_for };
    TestRefusal {
        code: outcome.code().to_owned(),
        detail,
        advice,
        candidates: candidates.into_iter().map(candidate).collect(),
    }
}

fn route(Destination { route, url }: Destination) -> TestRoute {
    TestRoute {
        customer: route.customer.id.to_string(),
        customer_external_id: route.customer.external_id.as_ref().to_owned(),
        customer_user: route.customer_user.unwrap_or_default(),
        deployment: route.deployment.name.to_string(),
        flow: route.flow.to_string(),
        url,
    }
}

fn step(step: Step) -> TraceStep {
    let stage = match step.stage {
        Stage::Preprocess => trace_step::Stage::Preprocess,
        Stage::Decision(decide::Stage::Customer) => trace_step::Stage::Customer,
        Stage::Decision(decide::Stage::CustomerUser) => trace_step::Stage::CustomerUser,
        Stage::Decision(decide::Stage::Deployment) => trace_step::Stage::Deployment,
        Stage::Decision(decide::Stage::Flow) => trace_step::Stage::Flow,
    };
    TraceStep {
        stage: stage.into(),
        source: step.source,
        found: step.found.unwrap_or_default(),
        resolved: step.resolved.unwrap_or_default(),
        through: step.through.unwrap_or_default(),
        detail: step.detail,
        // A call is bounded by its deadline, far below what the message can hold.
        duration: step.duration.and_then(|duration| duration.try_into().ok()),
        results: step.results.map(|Reply(fields)| object(fields)),
    }
}

fn object(fields: BTreeMap<String, ReplyValue>) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, field)| (name, value(field))).collect() }
}

fn value(value: ReplyValue) -> Value {
    let kind = match value {
        ReplyValue::Null => Kind::NullValue(0),
        ReplyValue::Bool(bool) => Kind::BoolValue(bool),
        ReplyValue::Number(number) => Kind::NumberValue(number),
        ReplyValue::String(string) => Kind::StringValue(string),
        ReplyValue::List(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(self::value).collect() })
        }
        ReplyValue::Object(fields) => Kind::StructValue(object(fields)),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests;
