//! Rotating endpoint tokens: a new URL beside the old ones, which stop working when an admin says so.

use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::Fault,
    integration::{EndpointType, IntegrationSpec},
    name::IntegrationId,
    table::EndpointToken,
};

use super::{
    Answer, Call, Error, Refused, Registry, Rules, Target, Violation, ViolationKind, Writing, check_etag,
    not_found,
};
use crate::{
    domain::{Meta, Resource, Revision, random_token},
    store::{AuditAction, Keep},
};

/// So many URLs of one endpoint work at a time.
const URLS_MAX: usize = 5;

/// A step from one URL of an endpoint to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// A new URL; older ones go on working.
    Start,
    /// Older URLs stop working.
    Finish,
    /// A new URL, and older ones stop working.
    Replace,
}

/// What came of a rotation.
#[derive(Clone, Debug)]
pub(crate) struct Rotated<K: Rules> {
    /// The resource. Without the endpoint's URL where a new one was only to be tried.
    pub(crate) resource: Resource<K>,
    /// How many older URLs still work.
    pub(crate) older_urls: usize,
    /// What the answer calls the revision.
    pub(crate) revision: Revision,
}

/// A kind of resource that has endpoints.
pub(crate) trait Rotates: Rules {
    /// The tokens of the endpoint: of the flow of this key, or of the resource itself where it is empty.
    fn endpoint_tokens<'r>(
        resource: &'r mut Resource<Self>,
        flow: &str,
    ) -> Result<&'r mut Vec<EndpointToken>, Refused>;
}

impl Registry {
    /// Rotates the tokens of an endpoint.
    pub(crate) async fn rotate<K: Rotates, R: Answer>(
        &self,
        call: Call,
        Target { name, etag, .. }: Target<K>,
        flow: String,
        rotation: Rotation,
        answer: impl FnOnce(Rotated<K>) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let rotate = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&K::resource_name(&name))?;
            let before =
                writing.transaction.snapshot().get::<K>(&name)?.ok_or_else(|| not_found::<K>(&name))?;
            check_etag::<K>(&name, Some(&before), &etag)?;

            let mut after = before.clone();
            let tokens = K::endpoint_tokens(&mut after, &flow).map_err(Error::Refused)?;
            rotation.turn(tokens, &name)?;
            let older_urls = tokens.len().saturating_sub(1);
            if writing.call.keep == Keep::Nothing && rotation != Rotation::Finish {
                // Nobody is to be shown a URL that will never work.
                tokens.clear();
            }
            if writing.call.keep == Keep::Changes && after.tokens != before.tokens {
                after.meta =
                    Meta { update_time: writing.now, revision: writing.transaction.revision(), ..after.meta };
                writing.transaction.put(&after)?;
                writing.record(&before, Vec::new(), AuditAction::Rotated)?;
            }
            Ok(answer(Rotated { resource: after, older_urls, revision: writing.revision() }))
        };
        self.write(call, rotate).await
    }
}

impl Rotation {
    fn turn(self, tokens: &mut Vec<EndpointToken>, name: &impl ToString) -> Result<(), Error> {
        match self {
            Self::Start if tokens.len() >= URLS_MAX => {
                return Err(Error::Refused(refused(Violation {
                    kind: ViolationKind::TooManyUrls,
                    field: Some("rotation".to_owned()),
                    subject: name.to_string(),
                    reason: format!(
                        "{URLS_MAX} URLs of this endpoint work already, as many as can at a time: finish the rotation first"
                    ),
                })));
            }
            Self::Start => tokens.insert(0, random_token()?),
            Self::Finish => tokens.truncate(1),
            Self::Replace => *tokens = vec![random_token()?],
        }
        Ok(())
    }
}

impl Rotates for IntegrationSpec {
    fn endpoint_tokens<'r>(
        resource: &'r mut Resource<Self>,
        _flow: &str,
    ) -> Result<&'r mut Vec<EndpointToken>, Refused> {
        match resource.spec.endpoint_type {
            Some(EndpointType::Shared) => Ok(&mut resource.tokens),
            _ => Err(mismatch(
                &resource.name,
                format!("{} has no shared endpoint: rotate those of its deployments", resource.name),
            )),
        }
    }
}

impl Rotates for DeploymentSpec {
    fn endpoint_tokens<'r>(
        resource: &'r mut Resource<Self>,
        flow: &str,
    ) -> Result<&'r mut Vec<EndpointToken>, Refused> {
        let Resource { name, tokens, .. } = resource;
        match (tokens.endpoint_type, flow) {
            (Some(EndpointType::InstanceSpecific), "") => Ok(&mut tokens.own),
            (Some(EndpointType::InstanceSpecific), _) => Err(Refused::faulty(vec![Fault::new(
                "flow",
                format!("{name} has one endpoint for all of its flows: leave it out"),
            )])),
            (Some(EndpointType::FlowSpecific), "") => Err(Refused::faulty(vec![Fault::new(
                "flow",
                format!("is missing: each flow of {name} has an endpoint of its own"),
            )])),
            (Some(EndpointType::FlowSpecific), flow) => {
                let missing = || {
                    refused(Violation {
                        kind: ViolationKind::FlowMissing,
                        field: Some("flow".to_owned()),
                        subject: name.to_string(),
                        reason: format!("{name} has no URL for a flow of the key {flow:?}"),
                    })
                };
                tokens.flows.get_mut(flow).ok_or_else(missing)
            }
            (Some(EndpointType::Shared) | None, _) => {
                let integration = &name.integration;
                Err(mismatch(
                    integration,
                    format!("the deployments of {integration} share its endpoint: rotate that one"),
                ))
            }
        }
    }
}

fn mismatch(integration: &IntegrationId, reason: String) -> Refused {
    refused(Violation {
        kind: ViolationKind::EndpointTypeMismatch,
        field: Some("name".to_owned()),
        subject: integration.to_string(),
        reason,
    })
}

fn refused(violation: Violation) -> Refused {
    let mut refused = Refused::default();
    refused.break_rule(violation);
    refused
}
