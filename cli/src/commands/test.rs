//! `test`: what an endpoint would do with a request.

use clap::Args;
use pointsman_proto::admin::v1::{
    ListIntegrationsRequest, SampleHeader, SampleRequest, TestEndpointRequest,
    test_endpoint_response::End as TestEnd,
};
use pointsman_sdk::admin::{AdminClient, AdminError};
use tonic::Code;

use super::{End, Failure};
use crate::{
    manifest::{self, Source},
    nearest::nearest,
    output::{self, style::Style, trace},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Test {
    /// The integration, as `acme-erp` or `integrations/acme-erp`.
    #[arg(value_parser = integration_name)]
    integration: String,
    /// The request's body; `-` reads standard input. Empty where it is not given.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    body: Option<Source>,
    /// A header field, as `content-type: application/json`. Can be given more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<SampleHeader>,
    /// The HTTP method.
    #[arg(short = 'X', long, default_value = "POST")]
    method: String,
    /// The path behind the endpoint's token.
    #[arg(long, default_value = "")]
    path: String,
    /// The query.
    #[arg(long, default_value = "")]
    query: String,
    /// The deployment whose endpoint is meant, where the endpoint is instance- or flow-specific: its ID or name.
    #[arg(long, default_value = "", hide_default_value = true)]
    deployment: String,
    /// The key of the flow whose endpoint is meant, where the endpoint is flow-specific.
    #[arg(long, default_value = "", hide_default_value = true)]
    flow: String,
    /// A manifest, or an integration alone: use its flows and endpoint configuration instead of the stored ones.
    #[arg(long, value_name = "FILE")]
    config: Option<Source>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Test {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let request = self.request()?;
        let admin = self.admin.connect().await?;
        let answer = match admin.test_endpoint(request).await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some(Code::NotFound) => {
                return Err(self.not_found(&admin, error).await);
            }
            Err(error) => return Err(self.advised(error)),
        };
        output::print(&match format {
            Some(format) => manifest::write(&answer, format)?,
            None => trace::trace(&self.integration, &answer, Style::of_stdout()),
        })?;
        Ok(if matches!(answer.end, Some(TestEnd::Route(_))) { End::Fine } else { End::NoRoute })
    }

    /// An integration that is not there: with the one of a name like it.
    async fn not_found(&self, admin: &AdminClient, error: AdminError) -> Failure {
        const LOOKED_AT: i32 = 1_000;
        let is_integration = error
            .refused()
            .and_then(|refused| refused.resource.as_ref())
            .is_some_and(|resource| resource.name == self.integration);
        let request = ListIntegrationsRequest { page_size: LOOKED_AT, ..ListIntegrationsRequest::default() };
        let known = match is_integration {
            true => admin.list_integrations(request).await.map(|list| list.integrations).unwrap_or_default(),
            false => Vec::new(),
        };
        let id = |name: &str| name.trim_start_matches("integrations/").to_owned();
        let known: Vec<_> = known.iter().map(|integration| id(&integration.name)).collect();
        match nearest(&id(&self.integration), known.iter().map(String::as_str)) {
            Some(near) => {
                let hint = format!("did you mean {near}? `pointsman get integrations` lists what there is");
                Failure::Advised { error, hint }
            }
            None => error.into(),
        }
    }

    /// A refusal of the test itself, with the flag that is at fault.
    fn advised(&self, error: AdminError) -> Failure {
        let Some(refused) = error.refused() else { return error.into() };
        let is_faulty = |field: &str| refused.fields.iter().any(|fault| fault.field.starts_with(field));
        let integration = &self.integration;
        let hint = if is_faulty("proposed") {
            let Some(file) = &self.config else { return error.into() };
            format!("mend {file}, which is what is proposed; nothing was tested")
        } else if is_faulty("deployment") && self.deployment.is_empty() {
            format!("name it with --deployment ID; `pointsman get {integration}/deployments` lists them")
        } else if is_faulty("flow") && self.flow.is_empty() {
            format!("name it with --flow KEY; `pointsman get {integration}` lists them")
        } else if refused.code == Code::InvalidArgument {
            "mend the flags that say it; nothing was tested".to_owned()
        } else {
            return error.into();
        };
        Failure::Advised { error, hint }
    }

    fn request(&self) -> Result<TestEndpointRequest, Failure> {
        let proposed = match &self.config {
            Some(source) => Some(manifest::read_integration(&source.read()?, source, &self.integration)?),
            None => None,
        };
        let body = self.body.as_ref().map(Source::read_bytes).transpose()?.unwrap_or_default();
        Ok(TestEndpointRequest {
            name: self.integration.clone(),
            proposed,
            deployment: self.deployment_name(),
            flow: self.flow.clone(),
            request: Some(SampleRequest {
                method: self.method.to_ascii_uppercase(),
                path_fragment: self.path.strip_prefix('/').unwrap_or(&self.path).to_owned(),
                query: self.query.strip_prefix('?').unwrap_or(&self.query).to_owned(),
                headers: self.headers.clone(),
                body: body.into(),
            }),
        })
    }

    fn deployment_name(&self) -> String {
        if self.deployment.is_empty() || self.deployment.contains('/') {
            self.deployment.clone()
        } else {
            format!("{}/deployments/{}", self.integration, self.deployment)
        }
    }
}

/// Not a header field.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("write a header as `name: value`")]
struct HeaderError;

fn header(text: &str) -> Result<SampleHeader, HeaderError> {
    let (name, value) = text.split_once(':').ok_or(HeaderError)?;
    if name.is_empty() || name.trim() != name {
        return Err(HeaderError);
    }
    Ok(SampleHeader { name: name.to_owned(), value: value.trim().to_owned().into() })
}

/// Not the name of an integration.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("write an integration as acme-erp or integrations/acme-erp")]
pub(super) struct IntegrationNameError;

pub(super) fn integration_name(text: &str) -> Result<String, IntegrationNameError> {
    let id = text.strip_prefix("integrations/").unwrap_or(text);
    if id.is_empty() || id.contains('/') {
        return Err(IntegrationNameError);
    }
    Ok(format!("integrations/{id}"))
}
