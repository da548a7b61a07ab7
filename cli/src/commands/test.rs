//! `test`: what an endpoint would do with a request.

use clap::Args;
use pointsman_proto::admin::v1::{
    SampleHeader, SampleRequest, TestEndpointRequest, test_endpoint_response::End as TestEnd,
};

use super::{End, Failure};
use crate::{
    manifest::{self, Source},
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
        let answer = admin.test_endpoint(request).await?;
        output::print(&match format {
            Some(format) => manifest::write(&answer, format)?,
            None => trace::trace(&answer, Style::of_stdout()),
        })?;
        Ok(if matches!(answer.end, Some(TestEnd::Route(_))) { End::Fine } else { End::NoRoute })
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
struct IntegrationNameError;

fn integration_name(text: &str) -> Result<String, IntegrationNameError> {
    let id = text.strip_prefix("integrations/").unwrap_or(text);
    if id.is_empty() || id.contains('/') {
        return Err(IntegrationNameError);
    }
    Ok(format!("integrations/{id}"))
}
