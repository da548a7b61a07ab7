//! What to do about a refusal: ways out of it, and the known values that may have been meant.

use std::borrow::Cow;

use pointsman_routing::{
    decide,
    deployment::DeploymentSpec,
    directory::Directory as _,
    integration::FlowSpec,
    name::{CustomerId, DeploymentName},
    outcome::{Outcome, Refusal},
    results::Results,
    source::ValueSource,
};

use super::{
    Candidate, Endpoint, METHODS, Refused, SampleRequest, Stage, Step,
    around::{Tree, around},
    body, nearest,
};
use crate::store::{LookupError, Snapshot};

/// A refusal before anything was read.
pub(super) fn at_the_door(refusal: Refusal, endpoint: &Endpoint) -> Refused {
    let advice = match refusal.outcome {
        Outcome::MethodNotAllowed => {
            let methods: Vec<_> = METHODS.iter().map(ToString::to_string).collect();
            format!("Have the sender use one of {}.", methods.join(", "))
        }
        Outcome::BodyTooLarge => format!(
            "Have the sender send less, or raise endpoint.maxBodyBytes, which is {}.",
            endpoint.integration.max_body_bytes
        ),
        Outcome::RequestAmbiguous => "Have the sender say once what its body is.".to_owned(),
        _ => "Have the sender leave that out of the path: servers behind could resolve it in another way."
            .to_owned(),
    };
    let detail = ended(capitalised(&refusal.detail));
    Refused { advice: vec![advice], detail, ..Refused::plain(refusal) }
}

/// A refusal by the service, or for want of it.
pub(super) fn at_the_service(refusal: Refusal, endpoint: &Endpoint) -> Refused {
    let Some(service) = &endpoint.integration.preprocess else { return Refused::plain(refusal) };
    let address = &service.address;
    let says = |word: &str| refusal.detail.contains(word);
    let advice = match refusal.outcome {
        Outcome::PreprocessRefused => {
            vec!["The service itself refused: correct the request, or the service.".to_owned()]
        }
        Outcome::PreprocessUnauthenticated | Outcome::PreprocessForbidden => {
            vec!["Check that endpoint.preprocess.metadata holds what the service expects.".to_owned()]
        }
        Outcome::PreprocessTimeout => vec![
            format!("See what keeps the service at {address} busy."),
            "Give it more time with endpoint.preprocess.timeout.".to_owned(),
        ],
        _ if says("may not be dialled") => {
            vec!["Give the service an address that --egress of edges and control plane lets through.".to_owned()]
        }
        _ if says("no connection") => vec![
            format!("Check that the service runs, and that it listens at {address}."),
            "Correct endpoint.preprocess.address.".to_owned(),
        ],
        _ if says("not a gRPC service") => vec![
            "Something else listens there, or a proxy answers in its place: correct endpoint.preprocess.address."
                .to_owned(),
        ],
        _ if says("Unimplemented") => vec![
            "The server there does not serve pointsman.preprocess.v1.PreprocessService: correct \
             endpoint.preprocess.address, or the server."
                .to_owned(),
        ],
        _ => vec![format!("See the log of the service at {address}.")],
    };
    let detail = match refusal.outcome {
        Outcome::PreprocessTimeout => format!("No answer within {:?}.", service.timeout),
        _ => ended(capitalised(&refusal.detail)),
    };
    Refused { advice, detail, ..Refused::plain(refusal) }
}

/// What a decision was made of that ended in a refusal.
pub(super) struct Decided<'d> {
    pub(super) endpoint: &'d Endpoint,
    /// The steps, the one that failed last.
    pub(super) steps: &'d [Step],
    pub(super) results: &'d Results<'d>,
    pub(super) request: &'d SampleRequest,
    pub(super) view: &'d Snapshot<'d>,
}

impl Decided<'_> {
    /// The refusal as an admin should read it.
    pub(super) fn refused(&self, refusal: &Refusal) -> Result<Refused, LookupError> {
        let outcome = refusal.outcome;
        let Some(failed) = self.steps.last() else { return Ok(Refused::plain(refusal.clone())) };
        let mut refused =
            Refused { detail: failed.detail.clone(), ..Refused::plain(Refusal::new(outcome, "")) };
        let found = failed.found.as_deref();
        match outcome {
            Outcome::CustomerNotResolved | Outcome::CustomerUserNotResolved | Outcome::FlowNotResolved => {
                self.not_resolved(found, &mut refused);
            }
            Outcome::CustomerUnknown => self.customer_unknown(found.unwrap_or_default(), &mut refused)?,
            Outcome::FlowUnknown => self.flow_unknown(found.unwrap_or_default(), &mut refused),
            Outcome::DeploymentNotFound => {
                let (id, customer) = (&self.endpoint.integration.id, found.unwrap_or_default());
                refused.detail = format!("{customer} has no deployment of {id}.");
                refused.advice.push(format!("Add a deployment of {id} for {customer}."));
            }
            Outcome::DeploymentPaused => {
                // What the step says of the customer stands in the one before.
                if let Some((_, paused)) = failed.detail.split_once(": ") {
                    refused.detail = paused.to_owned();
                }
                refused.advice.push("Resume it; until then senders are told to come again.".to_owned());
            }
            Outcome::FlowNotDeployed => self.flow_not_deployed(found, &mut refused)?,
            Outcome::BodyMalformed => self.body_malformed(&failed.source, &mut refused),
            Outcome::RequestAmbiguous => refused.advice.push(
                "Have the sender send it once: two readers could take two different values.".to_owned(),
            ),
            Outcome::PreprocessFailed => {
                refused.advice.push("Correct what the service returns.".to_owned());
            }
            _ => {}
        }
        Ok(refused)
    }

    /// The source that is read at the failed step, and its field.
    fn source(&self, outcome: Outcome) -> Option<(&'static str, &ValueSource)> {
        let integration = &self.endpoint.integration;
        let (field, source) = match outcome {
            Outcome::CustomerNotResolved | Outcome::CustomerUnknown => {
                ("endpoint.externalCustomerId", &integration.external_customer_id)
            }
            Outcome::CustomerUserNotResolved => {
                ("endpoint.externalCustomerUserId", &integration.external_customer_user_id)
            }
            _ => ("endpoint.flowName", &integration.flow_name),
        };
        Some((field, source.as_ref()?))
    }

    fn not_resolved(&self, found: Option<&str>, refused: &mut Refused) {
        let Some((field, source)) = self.source(refused.outcome) else {
            let flows = self.flows();
            refused.advice.push(format!("Say with endpoint.flowName where the flow is found: {flows}."));
            return;
        };
        // One that was found and cannot be used: no user has it, or it is too long.
        let (Some(reference), None) = (source.reference(), found) else {
            refused.advice.push(format!("Have the sender send another value, or change {field}."));
            return;
        };
        let is_request = matches!(self.results, Results::Request(_));
        let tree = match self.results {
            Results::Request(_) => Tree::of_request(self.request),
            Results::Reply(reply) => Tree::of_reply(reply),
        };
        let around = around(reference, self.results, &tree);
        if !around.there.is_empty() {
            refused.detail = format!("{} {}.", refused.detail, capitalised(&around.there));
        }
        if is_request && reference.reads_body() && tree.has_no_data() {
            refused.advice.extend(body::other_kind(self.request));
            let advice = "Have the sender send a body of a kind that is read, and say which it is.";
            refused.advice.push(advice.to_owned());
            return;
        }
        if let Some(first) = around.candidates.first() {
            refused
                .advice
                .push(format!("Set {field}.reference to {}, where {} is.", first.value, first.stands_for));
        }
        refused.advice.push(match (is_request, refused.advice.is_empty()) {
            (true, true) => format!("Have the sender send it, or correct {field}.reference."),
            (true, false) => "Have the sender send it there.".to_owned(),
            (false, true) => format!("Have the service return it, or correct {field}.reference."),
            (false, false) => "Have the service return it there.".to_owned(),
        });
        refused.candidates = around.candidates;
    }

    fn customer_unknown(&self, found: &str, refused: &mut Refused) -> Result<(), LookupError> {
        let Some((field, source)) = self.source(Outcome::CustomerUnknown) else { return Ok(()) };
        let Some(text) = source.translate(found) else {
            self.not_in_values(field, source, found, refused);
            return Ok(());
        };
        let told = cut(text);
        let id = &self.endpoint.integration.id;
        let is_looked_up = source.lookup_customer_mappings;
        let near = match is_looked_up {
            true => nearest::walk::nearest(text, |from| self.view.source_id_from(id, from)),
            false => nearest::walk::nearest(text, |from| self.view.external_id_from(from)),
        };
        let near = near.map_err(LookupError::from)?;
        let name =
            |(value, customer): (String, CustomerId)| Candidate { value, stands_for: customer.to_string() };
        refused.candidates = near.into_iter().map(name).collect();

        refused.detail = match is_looked_up {
            true => format!("{id} has no customer mapping for {told:?}."),
            false => format!("No customer has the external ID {told:?}."),
        };
        if let Some(advice) = self.taken_for_the_other(text, is_looked_up, field)? {
            refused.advice.push(advice);
        }
        if let Some(Candidate { value, stands_for }) = refused.candidates.first() {
            refused.advice.push(format!("{}, if {value:?} ({stands_for}) is meant.", self.correct(source)));
        }
        refused.advice.push(match is_looked_up {
            true => format!("Add a customer mapping for {told:?}."),
            false => format!("Add a customer with the external ID {told:?}."),
        });
        Ok(())
    }

    /// An external ID that is looked up among source customer ids, or the other way round.
    fn taken_for_the_other(
        &self,
        text: &str,
        is_looked_up: bool,
        field: &str,
    ) -> Result<Option<String>, LookupError> {
        if is_looked_up {
            let customer = self.view.customer_by_external_id(text)?;
            return Ok(customer.map(|customer| {
                let customer = customer.id;
                format!(
                    "It is the external ID of {customer}: leave out {field}.lookup, if senders send those."
                )
            }));
        }
        let mapping = self.view.mapping(&self.endpoint.integration.id, text)?;
        if let Some(mapping) = mapping {
            return Ok(Some(format!(
                "{} is for it, and makes it {}: set {field}.lookup to LOOKUP_CUSTOMER_MAPPINGS.",
                mapping.name, mapping.customer
            )));
        }
        let name = if text.starts_with("customers/") { text.to_owned() } else { format!("customers/{text}") };
        let Ok(id) = name.parse::<CustomerId>() else { return Ok(None) };
        Ok(self.view.customer(&id)?.map(|customer| {
            format!(
                "{id} is a customer's name and no external ID; its external ID is {:?}.",
                customer.external_id.to_string()
            )
        }))
    }

    fn flow_unknown(&self, found: &str, refused: &mut Refused) {
        let Some((field, source)) = self.source(Outcome::FlowUnknown) else {
            refused.advice.push("The endpoint's flow was removed: correct the deployment.".to_owned());
            return;
        };
        let Some(text) = source.translate(found) else {
            self.not_in_values(field, source, found, refused);
            return;
        };
        refused.candidates = nearest::nearest(text, self.endpoint.flow_names())
            .into_iter()
            .map(|flow| Candidate { value: flow.to_owned(), stands_for: self.key_of(flow) })
            .collect();
        refused.detail = format!(
            "{} has no flow {:?}; its flows are {}.",
            self.endpoint.integration.id,
            cut(text),
            self.flows()
        );
        if let Some(Candidate { value, .. }) = refused.candidates.first() {
            refused.advice.push(format!("{}, if {value:?} is meant.", self.correct(source)));
        }
        refused.advice.push(match source.values.is_empty() {
            true => format!("Add {:?} to {field}.values, or a flow of this name.", cut(text)),
            false => format!("Correct {field}.values, which makes {:?} {text:?}.", cut(found)),
        });
    }

    /// The flows for people.
    fn flows(&self) -> String {
        let told = |flow: &FlowSpec| match flow.name.as_str() {
            "" => flow.key.clone(),
            name => format!("{name:?} ({})", flow.key),
        };
        listed(&self.endpoint.flows.iter().map(told).collect::<Vec<_>>())
    }

    fn key_of(&self, flow: &str) -> String {
        self.endpoint.integration.flows.find(flow).map(ToString::to_string).unwrap_or_default()
    }

    /// A value that the table of its source does not hold.
    fn not_in_values(&self, field: &str, source: &ValueSource, found: &str, refused: &mut Refused) {
        let keys: Vec<String> = source.values.keys().map(ToString::to_string).collect();
        let near = nearest::nearest(found, source.values.keys().map(|key| &**key));
        refused.candidates = near
            .into_iter()
            .map(|key| Candidate {
                value: key.to_owned(),
                stands_for: source.values.get(key).map(ToString::to_string).unwrap_or_default(),
            })
            .collect();
        refused.detail =
            format!("{field}.values does not hold {:?}; it holds {}.", cut(found), quoted(&keys));
        if let Some(Candidate { value, stands_for }) = refused.candidates.first() {
            refused.advice.push(format!("{}, if {value:?} ({stands_for}) is meant.", self.correct(source)));
        }
        refused.advice.push(format!("Add {:?} to {field}.values.", cut(found)));
    }

    fn flow_not_deployed(&self, found: Option<&str>, refused: &mut Refused) -> Result<(), LookupError> {
        let deployment =
            self.steps.iter().find(|step| step.stage == Stage::Decision(decide::Stage::Deployment));
        let deployment = deployment.and_then(|step| step.resolved.as_deref()?.parse::<DeploymentName>().ok());
        let Some(name) = deployment else { return Ok(()) };
        let flows = &self.endpoint.integration.flows;
        let flow = match (self.source(refused.outcome), found) {
            (Some((_, source)), Some(found)) => source.translate(found).and_then(|flow| flows.find(flow)),
            _ => flows.keys().first(),
        };
        let flow = flow.map(ToString::to_string).unwrap_or_default();
        let deployed = self.view.get::<DeploymentSpec>(&name)?.map(|found| found.spec.flow_endpoints);
        let deployed: Vec<String> = deployed.unwrap_or_default().into_keys().collect();
        refused.detail =
            format!("{name} has no URL for the flow {flow:?}; it has one for {}.", quoted(&deployed));
        refused.advice.push(format!("Add flowEndpoints.{flow}.url to {name}."));
        Ok(())
    }

    fn body_malformed(&self, source: &str, refused: &mut Refused) {
        // A place in a document within the body is none in the body.
        if !source.starts_with("json(")
            && let Some(detail) = body::with_place(&refused.detail, &self.request.body)
        {
            refused.detail = detail;
        }
        refused.advice.extend(body::other_kind(self.request));
        refused.advice.push("Have the sender send a body that every reader reads alike.".to_owned());
    }

    /// Who is to say another value.
    fn correct(&self, source: &ValueSource) -> &'static str {
        match (source.reference(), self.results) {
            (None, _) => "Correct the constant",
            (Some(_), Results::Request(_)) => "Correct the sender",
            (Some(_), Results::Reply(_)) => "Correct the service",
        }
    }
}

/// The first few, quoted.
fn quoted(texts: &[String]) -> String {
    listed(&texts.iter().map(|text| format!("{:?}", cut(text))).collect::<Vec<_>>())
}

/// The first few.
fn listed(texts: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut shown: Vec<_> = texts.iter().take(SHOWN).cloned().collect();
    if texts.len() > SHOWN {
        shown.push(format!("and {} more", texts.len() - SHOWN));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

/// As much of a text as a sentence bears.
fn cut(text: &str) -> Cow<'_, str> {
    const SHOWN_BYTES: usize = 80;
    match text.len() <= SHOWN_BYTES {
        true => text.into(),
        false => format!("{}…", &text[..text.floor_char_boundary(SHOWN_BYTES)]).into(),
    }
}

/// A sentence with its full stop, unless it has an end of its own.
fn ended(sentence: String) -> String {
    if sentence.ends_with(['.', '!', '?']) { sentence } else { sentence + "." }
}

/// A sentence that begins with a reference is left as it is.
fn capitalised(sentence: &str) -> String {
    if sentence.starts_with("results") || sentence.starts_with("json(") {
        return sentence.to_owned();
    }
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
